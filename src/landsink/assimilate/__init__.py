"""Problems of data assimilation, the methods that solve them, and what they leave: posteriors."""

from .compare import agreement as agreement
from .convergence import Convergence as Convergence
from .posterior import Posterior as Posterior
from .problem import Given as Given
from .problem import Problem as Problem
from .problem import Steady as Steady
from .sampler import Sampler as Sampler
from .smoother import EnsembleSmoother as EnsembleSmoother
from .twin import observe_truth as observe_truth
from .variational import Laplace as Laplace
from .variational import Method as Method
from .variational import RandomisedMaximumLikelihood as RandomisedMaximumLikelihood
from .variational import Variational as Variational
