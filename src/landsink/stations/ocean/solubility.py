"""How much carbon dioxide sea water takes up: K0 of Weiss 1974 and F of Weiss & Price 1980.

10.1016/0304-4203(74)90015-2 and 10.1016/0304-4203(80)90024-9; measured at 0-40 °C and salinities 0-40.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

FREEZING = 273.15


@dataclass(frozen=True)
class Solubility:
    """ln K = a1 + a2 (100/T) + a3 ln(T/100) [+ a4 (T/100)²] + S [b1 + b2 (T/100) + b3 (T/100)²], T in K.

    K0: moles dissolved per atm of *fugacity*, in `unit` (mol L-1 atm-1 or mol kg-1 atm-1).
    """

    a: tuple[float, float, float, float]
    b: tuple[float, float, float]
    unit: str

    Weiss1974: ClassVar["Solubility"]
    Weiss1974PerMass: ClassVar["Solubility"]
    WeissPrice1980: ClassVar["Solubility"]
    WeissPrice1980PerMass: ClassVar["Solubility"]

    def __call__(self, temperature: Float[np.ndarray, "*n"], salinity: Float[np.ndarray, "*n"]) -> np.ndarray:
        """Solubility [`unit`] at `temperature` [degC] and practical `salinity`, any shape."""
        t = (np.asarray(temperature, float) + FREEZING) / 100
        (a1, a2, a3, a4), (b1, b2, b3) = self.a, self.b
        return np.exp(
            a1 + a2 / t + a3 * np.log(t) + a4 * t**2 + np.asarray(salinity) * (b1 + b2 * t + b3 * t**2)
        )


Solubility.Weiss1974 = Solubility(
    (-58.0931, 90.5069, 22.2940, 0.0), (0.027766, -0.025888, 0.0050578), "mol L-1 atm-1"
)
Solubility.Weiss1974PerMass = Solubility(
    (-60.2409, 93.4517, 23.3585, 0.0), (0.023517, -0.023656, 0.0047036), "mol kg-1 atm-1"
)
# F: moles dissolved per dry mole fraction in moist air at a total pressure of 1 atm; water vapour and the gas's
# departure from the ideal are in it, so it must not be multiplied by a fugacity.
Solubility.WeissPrice1980 = Solubility(
    (-160.7333, 215.4152, 89.8920, -1.47759), (0.029941, -0.027455, 0.0053407), "mol L-1 atm-1"
)
Solubility.WeissPrice1980PerMass = Solubility(
    (-162.8301, 218.2968, 90.9241, -1.47696), (0.025695, -0.025225, 0.0049867), "mol kg-1 atm-1"
)
