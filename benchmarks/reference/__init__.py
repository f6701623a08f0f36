"""The default daily model by hand, twice: in C for speed, and as a plain NumPy loop over time.

They are the yardsticks of the engine benchmark and share no line with the engines: the C (`step.c`) says how fast a
processor can take this step, NumPy (`numpy_step`) how fast one gets without a compiler. Both take parameters, state and
forcing by name from a landsink model, so that they run the very same case; neither gives a gradient.
`python -m benchmarks.reference`, with the package's own source on the path, prints what they take.
"""

from .named import WANT as WANT
from .named import Inputs as Inputs
from .named import gather as gather
