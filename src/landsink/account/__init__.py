"""What numbers mean to people: cells summed over countries, boxes and polygons, in units they use, with uncertainty."""

from .regions import Share as Share
from .regions import box as box
from .regions import read as read
from .regions import share as share
from .regions import shares as shares
from .statistics import Statistic as Statistic
from .statistics import Year as Year
from .statistics import account as account
