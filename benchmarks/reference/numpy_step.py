"""The default daily model as a plain NumPy loop over time, all cells at once: what one writes without a compiler.

Each function is one process of `landsink.models`, where the equations' sources stand; `simulate` moves the matter as
the stepper `Decay` does. Everything is worked out anew in every step.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from landsink.models.light.pmodel import FISHER_LAMBDA, FISHER_P0, FISHER_V, HUBER

from .named import WANT, Arrays, Inputs

FREEZING, GAS, CARBON, CP_AIR, P0 = 273.15, 8.3145, 0.0120107, 1004.67, 101325.0
DAY, TINY = 86400.0, 1e-30
Array = np.ndarray
Parameters = Callable[[str], Array]


def simulate(inputs: Inputs) -> tuple[Arrays, Arrays]:
    """Means over windows (window, cell) and the state that is left (cell,), by name."""
    parts = {title: SimpleNamespace() for title in (n.partition(".")[0] for n in inputs.parameters)}
    for name, value in inputs.parameters.items():
        title, _, field = name.partition(".")
        setattr(parts[title], field, value)
    state, starts = dict(inputs.state), np.concatenate([[0], inputs.ends[:-1]])
    means = {n: np.zeros((inputs.ends.size, inputs.cells)) for n in WANT}
    for window, (begin, end) in enumerate(zip(starts, inputs.ends, strict=True)):
        for t in range(begin, end):
            forcing = {n: v[t] for n, v in inputs.series.items()} | {"lat": inputs.lat}
            state, given = step(parts, state, forcing, inputs.dt[t])
            for n in WANT:
                means[n][window] += inputs.dt[t] * given[n]
        for n in WANT:
            means[n][window] /= inputs.dt[begin:end].sum()
    return means, state


def step(
    parts: dict[str, SimpleNamespace], state: Arrays, forcing: Arrays, dt: float
) -> tuple[Arrays, Arrays]:
    """One step: (new state, what is wanted of it)."""
    s, w = SimpleNamespace(**state), SimpleNamespace(**forcing)
    rsdt, daylength = sun(w.lat, w.dayOfYear)
    wet = soil_moisture(parts["SoilMoisture"], s)
    heat = net_radiation(parts["NetRadiation"], w, rsdt, daylength)
    seasons, target = phenology(parts["Phenology"], w.tas, daylength, wet.both, s, dt)
    pace, tsl = soil_climate(parts["SoilClimate"], w.tas, wet.both, s.tsl, dt)
    snow = snow_cover(parts["Snow"], w, s.snw, heat.potential)
    lai, growth, fall = leaf_area(parts["LeafArea"], s, target, dt)
    fapar = 1.0 - np.exp(-parts["Canopy"].extinction * parts["Canopy"].clumping * np.maximum(lai, 0.0))
    gpp, gc, leaves = photosynthesis(parts["PModel"], w, s, daylength, fapar, wet.drought, dt)
    water = soil_water(parts["SoilWater"], w, s, heat, fapar, gc, snow, wet, dt)
    plant = carbon(parts["Dalec"], gpp, w.tas, growth, fall, s, dt)
    dead = litter(parts["LitterSoil"], pace, s)
    new, given = move(s, snow, water, plant, dead, gpp, dt)
    return new | seasons | leaves | {"tsl": tsl}, given | {"lai": lai}


def let_go(stock: Array, flows: list[Array], dt: float) -> list[Array]:
    """The flows out of a pool as `Decay` lets them run: the pool loses 1 - exp(-r dt)."""
    q = sum(flows) * dt / np.maximum(stock, TINY)
    part = np.where(q > 1e-5, -np.expm1(-q) / np.where(q > 1e-5, q, 1.0), 1.0 - 0.5 * q)
    return [part * flow for flow in flows]


def move(
    s: SimpleNamespace,
    snow: SimpleNamespace,
    water: SimpleNamespace,
    plant: SimpleNamespace,
    dead: SimpleNamespace,
    gpp: Array,
    dt: float,
) -> tuple[Arrays, Arrays]:
    """Take the step: pools share out what they hold, ports pass on what they got, and matter moves."""
    melt, sublimed = let_go(s.snw, [snow.melt, snow.sublimation], dt)
    tran_top, dried, seeped = let_go(s.mrsos, [water.tran_top, water.dried, water.percolation], dt)
    tran_root, drained = let_go(s.mrsoRoot, [water.tran_root, water.drainage], dt)
    asked = water.held + water.fresh + water.top + water.root + water.river
    part = np.where(asked > 0, (snow.rain + melt) / np.where(asked > 0, asked, 1.0), 0.0)
    maint, grows, leaf, root, wood = let_go(
        s.cLabile, [plant.maintenance, plant.growth, plant.leaf, plant.root, plant.wood], dt
    )
    (leaf_falls,), (root_falls,) = (
        let_go(s.cLeaf, [plant.leaf_falls], dt),
        let_go(s.cRoot, [plant.root_falls], dt),
    )
    (wood_falls,) = let_go(s.cWood, [plant.wood_falls], dt)
    litter_on, litter_out = let_go(s.cLitter, [dead.litter_on, dead.litter_out], dt)
    cwd_on, cwd_out = let_go(s.cCwd, [dead.cwd_on, dead.cwd_out], dt)
    young_on, young_out = let_go(s.cSoilYoung, [dead.young_on, dead.young_out], dt)
    (old_out,) = let_go(s.cSoilOld, [dead.old_out], dt)
    gained = {
        "snw": snow.snowfall - melt - sublimed,
        "mrsos": part * water.top - tran_top - dried - seeped,
        "mrsoRoot": part * water.root + seeped - tran_root - drained,
        "cLabile": gpp - maint - grows - leaf - root - wood,
        "cLeaf": leaf - leaf_falls,
        "cRoot": root - root_falls,
        "cWood": wood - wood_falls,
        "cLitter": leaf_falls + root_falls - litter_on - litter_out,
        "cCwd": wood_falls - cwd_on - cwd_out,
        "cSoilYoung": litter_on + cwd_on - young_on - young_out,
        "cSoilOld": young_on - old_out,
    }
    new = {n: getattr(s, n) + rate * dt for n, rate in gained.items()}
    given = {
        "gpp": gpp,
        "nee": maint + grows + litter_out + cwd_out + young_out + old_out - gpp,
        "evspsbl": sublimed + part * (water.held + water.fresh) + tran_top + tran_root + dried,
        "cVeg": new["cLabile"] + new["cLeaf"] + new["cRoot"] + new["cWood"],
        "cSoil": new["cSoilYoung"] + new["cSoilOld"],
    }
    return new, given


def logistic(x: Array) -> Array:
    """1/(1 + exp(-x)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def lesser(one: Array, other: Array, sharpness: float) -> Array:
    """The smaller of two amounts, its corner rounded: the lower root of sharpness x^2 - (a + b) x + a b."""
    total = one + other
    share = np.where(total > 1e-20, other / np.where(total > 1e-20, total, 1.0), 0.5)
    return 2.0 * one * share / (1.0 + np.sqrt(1.0 - 4.0 * sharpness * share * (1.0 - share)))


def sun(lat: Array, day: Array) -> tuple[Array, Array]:
    """Radiation at the top of the atmosphere, W m-2, and day length, s."""
    angle = np.deg2rad(np.clip(lat, -89.9, 89.9))
    dec = -0.40840704 * np.cos(2.0 * np.pi * (day + 10.0) / 365.0)
    dusk = np.arccos(np.clip(-np.tan(angle) * np.tan(dec), -1.0 + 1e-7, 1.0 - 1e-7))
    high = dusk * np.sin(angle) * np.sin(dec) + np.cos(angle) * np.cos(dec) * np.sin(dusk)
    near = 1.0 + 0.033 * np.cos(2.0 * np.pi * day / 365.0)
    return 1366.7 / np.pi * near * np.maximum(high, 0.0), DAY / np.pi * dusk


def soil_moisture(p: SimpleNamespace, s: SimpleNamespace) -> SimpleNamespace:
    """How wet the layers are, and what drought leaves of photosynthesis."""
    upper, lower = np.maximum(s.mrsos, 0.0), np.maximum(s.mrsoRoot, 0.0)
    top, root = upper / p.capacity_top, lower / p.capacity_root
    felt = p.roots_top * top + (1.0 - p.roots_top) * root
    lack = np.maximum(1.0 - felt / p.drought_onset, 0.0)
    return SimpleNamespace(
        upper=upper, lower=lower, top=top, root=root, both=(upper + lower) / (p.capacity_top + p.capacity_root),
        uptake_top=p.roots_top * top / (felt + 1e-9), drought=1.0 - (1.0 - p.drought_floor) * lack**2,
        capacity_top=p.capacity_top, capacity_root=p.capacity_root,
    )  # fmt: skip


def net_radiation(p: SimpleNamespace, w: SimpleNamespace, rsdt: Array, daylength: Array) -> SimpleNamespace:
    """Daytime surplus of radiation, potential evaporation, and the air's own numbers."""
    clear = np.clip((w.rsds / np.maximum(rsdt, 1.0) - 0.25) / 0.5, 0.0, 1.0)
    loss = (0.2 + 0.8 * clear) * np.maximum(p.longwave_base - (w.tas - FREEZING), 20.0)
    gain = (1.0 - p.albedo) * np.maximum(w.rsds, 0.0)
    lit = np.maximum(daylength / DAY, 1.0 / 24.0)
    peak = 0.5 * np.pi * gain / lit
    above = peak > loss * (1.0 + 1e-6)
    r = np.where(above, loss / np.where(above, peak, 1.0), 0.5)
    surplus = np.where(above, 2.0 * lit / np.pi * (peak * np.sqrt(1.0 - r**2) - loss * np.arccos(r)), 0.0)
    warm = np.clip(w.tas, FREEZING - 60.0, FREEZING + 60.0)
    c = warm - FREEZING
    slope = 4098.0 * 610.8 * np.exp(17.27 * c / (c + 237.3)) / (c + 237.3) ** 2
    latent = 2.501e6 - 2361.0 * c
    gamma = CP_AIR * w.ps / (0.622 * latent)
    potential = p.priestley_taylor * slope / (slope + gamma) / latent * surplus
    return SimpleNamespace(
        surplus=surplus, potential=potential, warm=warm, slope=slope, gamma=gamma, latent=latent
    )


def phenology(
    p: SimpleNamespace, tas: Array, daylength: Array, wet: Array, s: SimpleNamespace, dt: float
) -> tuple[Arrays, Array]:
    """What the season remembers, and the leaf area that it asks for."""

    def relax(old: Array, goal: Array, time: Array) -> tuple[Array, Array]:
        gone = -np.expm1(-dt / time)
        return old + (goal - old) * gone, goal + (old - goal) * gone * time / dt

    remembered, mean = relax(s.tasPhenology, tas, p.memory)
    warm = logistic((mean - p.temperature_on) / p.temperature_width)
    ready = warm * logistic((daylength - p.day_on) / p.day_width)
    time = p.time_off + (p.time_on - p.time_off) * logistic((ready - s.tasLeafOn) / 0.03)
    leaf_on, leaf_on_mean = relax(s.tasLeafOn, ready, time)
    potential, potential_mean = relax(
        s.laiPotential, p.lai_max * logistic((wet - p.wet_on) / p.wet_width), p.time_water
    )
    target = potential_mean * (p.evergreen + (1.0 - p.evergreen) * leaf_on_mean)
    return {"tasPhenology": remembered, "tasLeafOn": leaf_on, "laiPotential": potential}, target


def soil_climate(p: SimpleNamespace, tas: Array, wet: Array, tsl: Array, dt: float) -> tuple[Array, Array]:
    """The pace of decay, and the soil's temperature."""
    soil = tas + (tsl - tas) * np.exp(-dt / p.tau)
    supply = (1.0 + p.half) * wet / (p.half + wet)
    air = np.exp(-((np.maximum(wet - 1.0, 0.0) / p.wet) ** 2))
    return p.q10 ** ((soil - p.t_ref) / 10.0) * (p.dry + (1.0 - p.dry) * supply * air), soil


def snow_cover(p: SimpleNamespace, w: SimpleNamespace, snw: Array, potential: Array) -> SimpleNamespace:
    """Snowfall, rain, melt and sublimation."""
    falls = logistic(-(w.tas - p.threshold) / p.width)
    covered = np.maximum(snw, 0.0) / (np.maximum(snw, 0.0) + p.cover)
    excess = w.tas - FREEZING
    thaw = 0.5 * (excess + np.sqrt(excess**2 + 0.5))
    return SimpleNamespace(snowfall=falls * w.pr, rain=(1.0 - falls) * w.pr, melt=p.degree_day * thaw * covered,
                           sublimation=p.sublimation * potential * covered)  # fmt: skip


def leaf_area(p: SimpleNamespace, s: SimpleNamespace, target: Array, dt: float) -> tuple[Array, Array, Array]:
    """Leaf area, and the rates at which leaves grow (of the reserve) and fall (of the leaves)."""
    time, corner = 5.0 * DAY, 0.1 * s.cLeaf

    def above(gap: Array) -> Array:
        rounded = np.maximum(gap + corner, 0.0) ** 2 / (4.0 * np.where(corner > 0.0, corner, 1.0))
        return np.where(gap >= corner, gap, rounded)

    wanted, pace, supply = p.leaf_mass * target - s.cLeaf, -np.expm1(-dt / time) / dt, 0.6 / time
    lacks = pace * above(wanted)
    growth = lacks * supply / (lacks + supply * s.cLabile + 1e-12 / time)
    fall = pace * above(-wanted) / np.where(s.cLeaf > 0.0, s.cLeaf, 1.0)
    moved = (growth * s.cLabile - fall * s.cLeaf) * (1.0 / pace - time)
    return (s.cLeaf + moved) / p.leaf_mass, growth, fall


def arrhenius(tas: Array, energy: float) -> Array:
    """A rate over its value at 25 degrees."""
    return np.exp(energy * (tas - 298.15) / (298.15 * GAS * tas))


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Lowest power first."""
    return np.polyval(coefficients[::-1], x)


def viscosity(tas: Array, ps: Array) -> Array:
    """Viscosity of water, Pa s."""
    c, t = tas - FREEZING, tas / 647.096
    volume = polynomial(FISHER_V, c) + polynomial(FISHER_LAMBDA, c) / (polynomial(FISHER_P0, c) + 1e-5 * ps)
    rho = 1e3 / volume / 322.0
    thin = 1e2 * np.sqrt(t) / (1.67752 + 2.20462 / t + 0.6366564 / t**2 - 0.241605 / t**3)
    thick = sum(polynomial(row, 1.0 / t - 1.0) * (rho - 1.0) ** i for i, row in enumerate(HUBER))
    return 1e-6 * thin * np.exp(rho * thick)


def constants(tas: Array, ps: Array) -> tuple[Array, Array]:
    """Compensation point and Michaelis-Menten coefficient, Pa."""
    star = 4.332 * ps / P0 * arrhenius(tas, 37830.0)
    return star, 39.97 * arrhenius(tas, 79430.0) * (1.0 + 0.209476 * ps / (27480.0 * arrhenius(tas, 36380.0)))


def quantum_yield(scale: Array, tas: Array) -> Array:
    """mol C a mol of absorbed photons."""
    c = tas - FREEZING
    value = 0.125 * (0.352 + 0.022 * c - 0.00034 * c**2)
    return 0.5 * scale * (value + np.sqrt(value**2 + 1e-6))


def settled(p: SimpleNamespace, w: SimpleNamespace, s: SimpleNamespace) -> tuple[Array, Array, Array]:
    """xi and the capacities at 25 degrees that are best in the remembered climate."""
    tas, ca = np.clip(s.tasAcclim, FREEZING - 25.0, FREEZING + 60.0), w.co2 * w.ps
    star, k = constants(tas, w.ps)
    xi = np.sqrt(
        p.cost_ratio * (k + star) / (1.6 * viscosity(tas, w.ps) / viscosity(np.array(298.15), np.array(P0)))
    )
    ci = star + (ca - star) * xi / (xi + (s.vpdAcclim**2 + 2500.0) ** 0.25)
    mj, mc = (ci - star) / (ci + 2.0 * star), (ci - star) / (ci + k)
    ratio = 0.41 / np.maximum(mj, 1e-3)
    pays = ratio < 1.0 - 1e-6
    limit = np.where(pays, np.sqrt(1.0 - np.where(pays, ratio, 0.5) ** (2.0 / 3.0)), 0.0)
    limit, light = np.minimum(limit, 0.99), quantum_yield(p.yield_scale, tas) * np.maximum(s.ppfdAcclim, 1e-6)
    electrons = p.electron_scale * 4.0 * light * limit / np.sqrt(1.0 - limit**2) / arrhenius(tas, 43900.0)
    return xi, electrons, p.rubisco_scale * light * limit * mj / mc / arrhenius(tas, 65330.0)


def photosynthesis(
    p: SimpleNamespace,
    w: SimpleNamespace,
    s: SimpleNamespace,
    daylength: Array,
    fapar: Array,
    drought: Array,
    dt: float,
) -> tuple[Array, Array, Arrays]:
    """Photosynthesis, kg m-2 s-1, canopy conductance, m s-1, and what leaves remember."""
    day = np.clip(w.tas + p.day_warmth * (w.tasmax - w.tas), FREEZING - 25.0, FREEZING + 60.0)
    lit = np.maximum(daylength, 3600.0) / DAY
    light = 2.04e-6 * np.maximum(w.rsds, 0.0) / lit
    xi, electrons, rubisco = settled(p, w, s)
    ca, (star, k) = w.co2 * w.ps, constants(day, w.ps)
    ci = star + (ca - star) * xi / (xi + (w.vpd**2 + 2500.0) ** 0.25)
    asked, able = 4.0 * quantum_yield(p.yield_scale, day) * light, electrons * arrhenius(day, 43900.0) + 1e-12
    by_light = (
        0.25 * asked / np.sqrt(1.0 + (asked / able) ** 2) * np.maximum((ci - star) / (ci + 2.0 * star), 0.0)
    )
    by_rubisco = rubisco * arrhenius(day, 65330.0) * np.maximum((ci - star) / (ci + k), 0.0)
    frost = logistic((w.tasmin - p.frost_temperature) / p.frost_width)
    waking = logistic((s.tasAcclim - p.waking_temperature) / p.waking_width)
    heat = logistic((p.heat_temperature - w.tasmax) * 0.3)
    moles = lesser(by_light, by_rubisco, 0.95) * lit * fapar * drought * frost * waking * heat
    conductance = p.conductance_scale * 1.6 * moles * GAS * day / (ca - ci)
    keep = np.exp(-dt / p.acclimation_time)
    memories = {
        "tasAcclim": keep * s.tasAcclim + (1.0 - keep) * day,
        "vpdAcclim": keep * s.vpdAcclim + (1.0 - keep) * w.vpd,
        "ppfdAcclim": keep * s.ppfdAcclim + (1.0 - keep) * light * np.pi / 2.0,
    }
    return CARBON * moles, conductance, memories


def soil_water(
    p: SimpleNamespace,
    w: SimpleNamespace,
    s: SimpleNamespace,
    heat: SimpleNamespace,
    fapar: Array,
    gc: Array,
    snow: SimpleNamespace,
    wet: SimpleNamespace,
    dt: float,
) -> SimpleNamespace:
    """What evaporates, enters the soil, sinks and runs off."""
    air = CP_AIR * w.ps * 0.028963 / (GAS * heat.warm)
    pull = heat.slope * heat.surplus * fapar + air * w.vpd * p.aerodynamic
    monteith = gc * pull / (heat.latent * (gc * (heat.slope + heat.gamma) + heat.gamma * p.aerodynamic))
    held = lesser(p.interception * fapar * snow.rain, 1.5 * heat.potential, 0.98)
    arrives = snow.rain + snow.melt - held
    plants = lesser(monteith, fapar * (2.0 * heat.potential + 2e-6), 0.98)
    soil = p.soil_share * heat.potential * (1.0 - fapar)
    fresh = lesser(plants + soil, arrives, 0.98) / np.maximum(plants + soil, 1e-15)
    left = np.maximum(arrives - fresh * (plants + soil), 0.0)
    enters = left * (1.0 - p.quickflow * np.clip(0.5 * (wet.top + wet.root), 0.0, 1.0) ** 2)
    top = lesser(enters, np.maximum(wet.capacity_top - wet.upper, 0.0) / dt, 0.98)
    root = lesser(np.maximum(enters - top, 0.0), np.maximum(wet.capacity_root - wet.lower, 0.0) / dt, 0.98)
    dry = (1.0 - fresh) * plants
    return SimpleNamespace(
        held=held, fresh=fresh * (plants + soil), top=top, root=root, river=np.maximum(left - top - root, 0.0),
        tran_top=dry * wet.uptake_top * wet.upper / (wet.upper + 0.03 * wet.capacity_top),
        tran_root=dry * (1.0 - wet.uptake_top) * wet.lower / (wet.lower + 0.03 * wet.capacity_root),
        dried=(1.0 - fresh) * soil * np.clip(wet.top, 0.0, 1.0) ** 2,
        percolation=p.percolation * wet.upper * np.clip(wet.top, 0.0, 1.5) ** 3,
        drainage=p.drainage * wet.lower * np.clip(wet.root, 0.0, 1.5) ** 3,
    )  # fmt: skip


def carbon(
    p: SimpleNamespace, gpp: Array, tas: Array, growth: Array, fall: Array, s: SimpleNamespace, dt: float
) -> SimpleNamespace:
    """What the plant respires, grows and sheds."""
    warm = p.q10 ** ((tas - FREEZING - 15.0) / 10.0)
    asked = warm * (p.maint_leaf * s.cLeaf + p.maint_root * s.cRoot + p.maint_wood * s.cWood)
    maintenance = asked * s.cLabile / (s.cLabile + asked * 10.0 * DAY + 1e-12)
    leaf = growth * s.cLabile
    spare = s.cLabile**2 / (s.cLabile + (maintenance + leaf / p.growth_yield) * dt + 1e-12)
    rest = -np.expm1(-warm / p.growth_time * s.cLabile / (s.cLabile + p.reserve) * dt) / dt * spare
    return SimpleNamespace(
        maintenance=maintenance, growth=(1.0 - p.growth_yield) * (leaf / p.growth_yield + rest), leaf=leaf,
        root=p.growth_yield * p.root_share * rest, wood=p.growth_yield * (1.0 - p.root_share) * rest,
        leaf_falls=(fall + 1.0 / p.leaf_life) * s.cLeaf, root_falls=s.cRoot / p.root_life,
        wood_falls=s.cWood / p.wood_life,
    )  # fmt: skip


def litter(p: SimpleNamespace, pace: Array, s: SimpleNamespace) -> SimpleNamespace:
    """What decays, passed on and respired."""
    fine, coarse = p.k_litter * pace * s.cLitter, p.k_wood * pace * s.cCwd
    young, old = p.k_young * pace * s.cSoilYoung, p.k_old * pace * s.cSoilOld
    return SimpleNamespace(
        litter_on=p.litter_humified * fine, litter_out=(1.0 - p.litter_humified) * fine,
        cwd_on=p.wood_humified * coarse, cwd_out=(1.0 - p.wood_humified) * coarse,
        young_on=p.young_humified * young, young_out=(1.0 - p.young_humified) * young, old_out=old,
    )  # fmt: skip
