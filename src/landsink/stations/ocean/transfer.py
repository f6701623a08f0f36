"""Gas transfer velocity from wind, k = (a U² + b U + c U³ + d) (Sc / Sc_ref)^-1/2 [cm h-1], U at 10 m [m s-1].

Relations differ by what they were drawn from; each is an object, and its relative uncertainty goes with it.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Schmidt:
    """Schmidt number of CO2: a polynomial of temperature [degC] from the constant on, valid `lowest` to `highest`."""

    coefficients: tuple[float, ...]
    lowest: float = -2.0
    highest: float = 40.0

    SeaWater: ClassVar["Schmidt"]
    FreshWater: ClassVar["Schmidt"]
    SeaWater1992: ClassVar["Schmidt"]

    def __call__(self, temperature: Float[np.ndarray, "*n"]) -> np.ndarray:
        """Schmidt number at `temperature` [degC]; NaN outside the polynomial's range."""
        t = np.asarray(temperature, float)
        inside = (t >= self.lowest) & (t <= self.highest)
        return np.where(inside, np.polynomial.polynomial.polyval(t, self.coefficients), np.nan)


# Wanninkhof 2014, table 1 (10.4319/lom.2014.12.351); Wanninkhof 1992, table A1 (10.1029/92JC00188), 0-30 degC.
Schmidt.SeaWater = Schmidt((2116.8, -136.25, 4.7353, -0.092307, 0.0007555))
Schmidt.FreshWater = Schmidt((1923.6, -125.06, 4.3773, -0.085681, 0.00070284))
Schmidt.SeaWater1992 = Schmidt((2073.1, -125.62, 3.6276, -0.043219), 0.0, 30.0)


@dataclass(frozen=True)
class Transfer:
    """k = (constant + linear U + square U² + cube U³) (Sc / reference)^-1/2 [cm h-1].

    `relative`: relative uncertainty (1 sigma) as its authors or the review of Wanninkhof 2014 tell it.
    """

    square: float = 0.0
    linear: float = 0.0
    cube: float = 0.0
    constant: float = 0.0
    reference: float = 660.0
    schmidt: Schmidt = Schmidt.SeaWater
    relative: float = 0.2
    source: str = ""

    Wanninkhof2014: ClassVar["Transfer"]
    Wanninkhof1992: ClassVar["Transfer"]
    Nightingale2000: ClassVar["Transfer"]
    Ho2006: ClassVar["Transfer"]
    Sweeney2007: ClassVar["Transfer"]
    WanninkhofMcGillis1999: ClassVar["Transfer"]

    def __call__(
        self,
        wind: Float[np.ndarray, "*n"],
        temperature: Float[np.ndarray, "*n"],
        variance: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """Transfer velocity [cm h-1] at `wind` [m s-1, 10 m] over water at `temperature` [degC].

        variance [m2 s-2]: that of the wind within the time it is a mean of; the square of a mean is less than the mean
        of squares, and the cube's third moment is that of a normal wind.
        """
        u, v = np.asarray(wind, float), np.asarray(variance, float)
        speed = self.constant + self.linear * u + self.square * (u**2 + v) + self.cube * (u**3 + 3 * u * v)
        return speed * (self.schmidt(temperature) / self.reference) ** -0.5


Transfer.Wanninkhof2014 = Transfer(0.251, source="Wanninkhof 2014, 10.4319/lom.2014.12.351")
Transfer.Wanninkhof1992 = Transfer(
    0.31,
    schmidt=Schmidt.SeaWater1992,
    relative=0.25,
    source="Wanninkhof 1992, 10.1029/92JC00188 (short-term wind)",
)
Transfer.Nightingale2000 = Transfer(
    0.222, 0.333, reference=600.0, source="Nightingale et al. 2000, 10.1029/1999GB900091"
)
Transfer.Ho2006 = Transfer(0.266, reference=600.0, source="Ho et al. 2006, 10.1029/2006GL026817")
Transfer.Sweeney2007 = Transfer(0.27, relative=0.3, source="Sweeney et al. 2007, 10.1029/2006GB002784")
Transfer.WanninkhofMcGillis1999 = Transfer(
    cube=0.0283, relative=0.3, source="Wanninkhof & McGillis 1999, 10.1029/1999GL900363 (short-term wind)"
)
