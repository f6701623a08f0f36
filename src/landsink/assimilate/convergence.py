"""Whether chains have converged: rank-normalised split R-hat and bulk effective sample size, per number and group.

R-hat and effective sample size are those of [Vehtari et al. 2021, doi:10.1214/20-BA1221].
"""

import dataclasses
from typing import Self

import numpy as np
import xarray as xr
from jaxtyping import Float

from landsink.core.late import Late

# A second of loading, for one ranking.
special = Late("scipy.special")
stats = Late("scipy.stats")

RHAT, ESS = 1.05, 400.0  # what a converged sampler must reach in every number


@dataclasses.dataclass(frozen=True)
class Convergence:
    """What the chains of a sampler say of themselves.

    rhat and ess (dim, group), on the draws kept; acceptance (group,), mean over the same draws; steps, those of each
    chain, warm-up included; rhat_goal and ess_goal, what every number must reach.
    """

    names: tuple[str, ...]
    rhat: Float[np.ndarray, "dim group"]
    ess: Float[np.ndarray, "dim group"]
    acceptance: Float[np.ndarray, " group"]
    steps: int
    rhat_goal: float = RHAT
    ess_goal: float = ESS

    @property
    def reached(self) -> np.ndarray:
        """True for each group (group,) whose chains have converged in every number; a NaN has not."""
        return np.all((self.rhat < self.rhat_goal) & (self.ess >= self.ess_goal), 0)

    def dataset(self) -> xr.Dataset:
        """All of it, to lie beside a posterior's numbers."""
        dims = ("parameter", "group")
        data = {"rhat": (dims, self.rhat), "ess": (dims, self.ess), "acceptance": ("group", self.acceptance),
                "converged": ("group", self.reached)}  # fmt: skip
        attrs = {"steps": self.steps, "rhat_goal": self.rhat_goal, "ess_goal": self.ess_goal}
        return xr.Dataset(data, attrs=attrs)

    @classmethod
    def read(cls, ds: xr.Dataset, names: tuple[str, ...]) -> Self:
        """Back from `dataset`."""
        scale, size, accepted = (ds[n].to_numpy() for n in ("rhat", "ess", "acceptance"))
        goals = (ds.attrs["rhat_goal"], ds.attrs["ess_goal"])
        return cls(names, scale, size, accepted, int(ds.attrs["steps"]), *goals)

    def __str__(self) -> str:
        """One line: who has not converged, by how much, in which number."""
        where = np.unravel_index(np.argmax(np.nan_to_num(self.rhat, nan=np.inf)), self.rhat.shape)
        least = np.unravel_index(np.argmin(np.nan_to_num(self.ess, nan=0.0)), self.ess.shape)
        missed = int(np.sum(~self.reached))
        head = f"NOT CONVERGED: {missed} of {self.reached.size} groups" if missed else "converged"
        return (
            f"{head}; worst R-hat {self.rhat[where]:.3f} ({self.names[where[0]]}, group {where[1]}), "
            f"least ESS {self.ess[least]:.0f} ({self.names[least[0]]}, group {least[1]}), "
            f"acceptance {self.acceptance.min():.2f}-{self.acceptance.max():.2f}, {self.steps} steps"
        )


def judge(
    names: tuple[str, ...], draws: Float[np.ndarray, "draw dim chain group"], acceptance: np.ndarray,
    steps: int, rhat_goal: float = RHAT, ess_goal: float = ESS,
) -> Convergence:  # fmt: skip
    """Convergence of every number of every group."""
    chains = np.moveaxis(np.asarray(draws), 2, 0)
    return Convergence(
        names, rhat(chains), bulk_ess(chains), np.asarray(acceptance), steps, rhat_goal, ess_goal
    )


def rhat(chains: Float[np.ndarray, "chain draw *more"]) -> Float[np.ndarray, "*more"]:
    """The larger of the rank-normalised split R-hat of the draws and of their distance from the median."""
    halves = _halved(chains)
    far = np.abs(halves - np.median(halves, (0, 1)))
    return np.maximum(scale_reduction(_normalised(halves)), scale_reduction(_normalised(far)))


def bulk_ess(chains: Float[np.ndarray, "chain draw *more"]) -> Float[np.ndarray, "*more"]:
    """Effective sample size of the rank-normalised split chains."""
    return effective_size(_normalised(_halved(chains)))


def scale_reduction(chains: Float[np.ndarray, "chain draw *more"]) -> Float[np.ndarray, "*more"]:
    """Potential scale reduction factor of the chains as they are; NaN where nothing moved."""
    draws = chains.shape[1]
    within = np.mean(np.var(chains, 1, ddof=1), 0)
    between = np.var(np.mean(chains, 1), 0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((draws - 1) / draws + between / np.where(within > 0, within, np.nan))


def effective_size(chains: Float[np.ndarray, "chain draw *more"]) -> Float[np.ndarray, "*more"]:
    """Number of independent draws that are worth as much, by Geyer's initial monotone sequence.

    Capped, as in the paper, at N log10 N for N draws in all, where chains swing to and fro; NaN where nothing moved.
    """
    count, draws = chains.shape[:2]
    moved = _covariance(chains)
    within = np.mean(moved[0], 0) * draws / (draws - 1)
    total = within * (draws - 1) / draws + np.var(np.mean(chains, 1), 0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1.0 - (within - np.mean(moved, 1)) / np.where(total > 0, total, np.nan)
    rho[0] = np.where(total > 0, 1.0, np.nan)
    pairs = rho[0 : draws - draws % 2 : 2] + rho[1:draws:2]
    alive = np.cumprod(pairs > 0, 0)  # up to the first pair below nothing
    falling = np.minimum.accumulate(np.where(alive, pairs, 0.0), 0)
    after = np.sum(alive, 0)[None]
    odd = np.take_along_axis(rho, np.minimum(2 * after, draws - 1), 0)[0]  # half of the pair that ended it
    time = -1.0 + 2.0 * np.sum(falling, 0) + np.where(after[0] < len(pairs), np.maximum(odd, 0.0), 0.0)
    time = np.where(np.isnan(rho[0]), np.nan, time)
    return count * draws / np.maximum(time, 1.0 / np.log10(count * draws))


def _covariance(chains: np.ndarray) -> np.ndarray:
    """Autocovariance of each chain at every lag, (lag, chain, *more)."""
    draws = chains.shape[1]
    off = np.moveaxis(chains - chains.mean(1, keepdims=True), 1, 0)
    wave = np.fft.rfft(off, 2 * draws, axis=0)
    return np.fft.irfft(np.abs(wave) ** 2, 2 * draws, axis=0)[:draws] / draws


def _halved(chains: np.ndarray) -> np.ndarray:
    """Each chain as two, the middle draw of an odd number left out."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def _normalised(chains: np.ndarray) -> np.ndarray:
    """Ranks over all chains, as normal scores; equal draws share their mean rank."""
    flat = chains.reshape(-1, *chains.shape[2:])
    rank = np.asarray(stats.rankdata(flat, axis=0))
    return special.ndtri((rank - 0.375) / (len(flat) + 0.25)).reshape(chains.shape)
