/* What the hand-written step works on: names, constants, one block of cells, and small pieces of physics. */
#ifndef LANDSINK_REFERENCE_STEP_H
#define LANDSINK_REFERENCE_STEP_H

#include "elementary.h"

#ifndef LANES
#define LANES 128 /* cells a block: its arrays stay in the nearest caches */
#endif
#define GRAIN 16 /* loops run over whole vectors of the widest kind */
#define PI 3.14159265358979323846

/* landsink.core.physics and the modules of the processes */
#define GAS 8.3145
#define CARBON 0.0120107
#define FREEZING 273.15
#define CP_AIR 1004.67
#define P0 101325.0
#define EPSILON 0.622
#define DRY_AIR 0.028963
#define SOLAR_CONSTANT 1366.7
#define TILT 0.40840704
#define PHOTONS 2.04e-6
#define T25 298.15
#define OXYGEN 0.209476
#define ENERGY_VCMAX 65330.0
#define ENERGY_JMAX 43900.0
#define COST_TO_TWO_THIRDS 0.5518942946790709 /* 0.41^(2/3) */
#define HOLD (10.0 * 86400.0)
#define LEAF_TIME (5.0 * 86400.0)
#define SPARE 0.6

/* Everything that comes or goes by name; Python reads these lists from the library. */
#define PARAMETERS(X)                                                                                                  \
    X(SoilMoisture, capacity_top) X(SoilMoisture, capacity_root) X(SoilMoisture, roots_top)                            \
    X(SoilMoisture, drought_onset) X(SoilMoisture, drought_floor)                                                      \
    X(NetRadiation, albedo) X(NetRadiation, priestley_taylor) X(NetRadiation, longwave_base)                           \
    X(Phenology, lai_max) X(Phenology, evergreen) X(Phenology, temperature_on) X(Phenology, temperature_width)         \
    X(Phenology, day_on) X(Phenology, day_width) X(Phenology, wet_on) X(Phenology, wet_width) X(Phenology, memory)     \
    X(Phenology, time_on) X(Phenology, time_off) X(Phenology, time_water)                                              \
    X(SoilClimate, q10) X(SoilClimate, t_ref) X(SoilClimate, tau) X(SoilClimate, half) X(SoilClimate, dry)             \
    X(SoilClimate, wet) X(Snow, threshold) X(Snow, width) X(Snow, degree_day) X(Snow, cover) X(Snow, sublimation)      \
    X(LeafArea, leaf_mass) X(Canopy, extinction) X(Canopy, clumping)                                                   \
    X(PModel, yield_scale) X(PModel, electron_scale) X(PModel, rubisco_scale) X(PModel, cost_ratio)                    \
    X(PModel, conductance_scale) X(PModel, acclimation_time) X(PModel, day_warmth) X(PModel, frost_temperature)        \
    X(PModel, frost_width) X(PModel, waking_temperature) X(PModel, waking_width) X(PModel, heat_temperature)           \
    X(SoilWater, interception) X(SoilWater, aerodynamic) X(SoilWater, soil_share) X(SoilWater, percolation)            \
    X(SoilWater, drainage) X(SoilWater, quickflow)                                                                     \
    X(Dalec, maint_leaf) X(Dalec, maint_root) X(Dalec, maint_wood) X(Dalec, q10) X(Dalec, growth_yield)                \
    X(Dalec, growth_time) X(Dalec, reserve) X(Dalec, root_share) X(Dalec, leaf_life) X(Dalec, root_life)               \
    X(Dalec, wood_life)                                                                                                \
    X(LitterSoil, k_litter) X(LitterSoil, k_wood) X(LitterSoil, k_young) X(LitterSoil, k_old)                          \
    X(LitterSoil, litter_humified) X(LitterSoil, wood_humified) X(LitterSoil, young_humified)
#define STATES(X)                                                                                                      \
    X(snw) X(mrsos) X(mrsoRoot) X(cLabile) X(cLeaf) X(cRoot) X(cWood) X(cLitter) X(cCwd) X(cSoilYoung) X(cSoilOld)     \
    X(tasPhenology) X(tasLeafOn) X(laiPotential) X(tsl) X(tasAcclim) X(vpdAcclim) X(ppfdAcclim)
/* Pools that move by little at a time. A block holds what a window has changed of them, beside what they were when it
 * began, so that single precision does not lose the increments of decades. */
#define SLOW(X) X(cRoot) X(cWood) X(cLitter) X(cCwd) X(cSoilYoung) X(cSoilOld)
#define SERIES(X) X(tas) X(tasmin) X(tasmax) X(rsds) X(vpd) X(pr) X(co2) X(ps)
#define OUTPUTS(X) X(gpp) X(nee) X(evspsbl) X(lai) X(cVeg) X(cSoil)

/* Dates change slowly and are shared by cells, or by none: worked out once a run. */
#define CALENDAR(X) X(sin_dec) X(cos_dec) X(tan_dec) X(near)

/* What parameters, latitude and the length of a step decide. */
#define DERIVED(X)                                                                                                     \
    X(sin_lat) X(cos_lat) X(tan_lat) X(absorbs) X(priestley_taylor) X(longwave_base)                                   \
    X(capacity_top) X(capacity_root) X(per_top) X(per_root) X(per_both) X(roots_top) X(per_onset) X(drought_loss)      \
    X(mean_memory) X(keep_memory) X(temperature_on) X(per_temperature_width) X(day_slope) X(day_offset) X(time_off)    \
    X(time_gap) X(lai_max) X(wet_on) X(per_wet_width) X(keep_water) X(mean_water) X(evergreen)                         \
    X(leaf_mass) X(per_leaf_mass) X(depth) X(cost) X(yield) X(electron_scale) X(rubisco_scale) X(conductance)          \
    X(keep_acclim) X(day_warmth) X(frost_temperature) X(per_frost_width) X(waking_temperature) X(per_waking_width)     \
    X(heat_temperature) X(threshold) X(per_width) X(degree_day) X(cover) X(sublimation) X(interception)                \
    X(aerodynamic) X(soil_share) X(percolation) X(drainage) X(quickflow) X(reach_top) X(reach_root)                    \
    X(log_q10) X(maint_leaf) X(maint_root) X(maint_wood) X(growth_yield) X(per_yield) X(per_growth_time) X(reserve)    \
    X(root_share) X(leaf_ages) X(root_lost) X(wood_lost) X(keep_soil) X(log_q10_soil) X(t_ref) X(half) X(dry_soil)     \
    X(per_wet) X(litter_rate) X(cwd_rate) X(young_rate) X(old_rate) X(litter_humified) X(wood_humified)                \
    X(young_humified)

/* What one part of a step hands to the next. */
#define BETWEEN(X)                                                                                                     \
    X(rsdt) X(share) X(lit) X(ppfd) X(surplus) X(evspsblpot) X(slope) X(latent) X(dry) X(warm)                         \
    X(upper) X(lower) X(wet_top) X(wet_root) X(fSoilWet) X(from_top) X(drought) X(laiTarget) X(growth) X(fall)         \
    X(lai) X(fapar)                                                                                                    \
    X(xi) X(u) X(electrons) X(rubisco) X(gpp) X(gc) X(prra) X(melt) X(melted) X(evspsbl)                               \
    X(held) X(left) X(plants) X(soil) X(part) X(ra) X(fine) X(coarse) X(pace) X(rh)

struct block {
#define ARRAY(name) real name[LANES] __attribute__((aligned(64)));
#define SUM(name) ARRAY(sum_##name)
#define BASE(name)                                                                                                     \
    double exact_##name[LANES] __attribute__((aligned(64)));                                                           \
    ARRAY(base_##name)
    STATES(ARRAY) SERIES(ARRAY) CALENDAR(ARRAY) DERIVED(ARRAY) BETWEEN(ARRAY) OUTPUTS(SUM) SLOW(BASE)
#undef BASE
#undef SUM
#undef ARRAY
    int lanes; /* cells in use, rounded up to whole vectors; the rest repeats the last cell */
    real dt, per_dt, leaf_pace, leaf_moved;
};

#if defined(_OPENMP) || defined(OPENMP_SIMD)
#define VECTOR _Pragma("omp simd")
#else
#define VECTOR
#endif
/* Loops are kept short, since a processor overlaps their turns only as far as it looks ahead: long chains of dependent
 * operations, such as an exponential of an exponential, are cut into loops that hand arrays to each other. */
#define LANES_OF(b) ((b)->lanes & -GRAIN)
#define EACH_LANE VECTOR for (int j = 0; j < lanes; j++)
#define SPARE_ARRAY(name) real name[LANES] __attribute__((aligned(64)))

#define PLACE(name) AT_##name,
enum { STATES(PLACE) STATE_COUNT };
enum { OUTPUTS(PLACE) OUTPUT_COUNT };
#undef PLACE
enum {
#define ENTRY(process, name) process##_##name,
    PARAMETERS(ENTRY) PARAMETER_COUNT
#undef ENTRY
};

/* A run: arrays in the order of the lists above. `columns` is 1 for what all cells share, else the number of cells. */
struct task {
    long cells, steps;
    const long *ends;               /* the step after each window's last */
    const real *const *parameters;  /* (cell) each */
    const double *const *start;     /* (cell) each */
    const real *const *series;      /* (step, columns) each */
    const long *columns;            /* of each series */
    const real *lat, *dt;           /* (cell) in degrees; (step) in seconds */
    const double *day;              /* (step, day_columns), day of the year */
    long day_columns;
    double *const *means;           /* (window, cell) each */
    double *const *end;             /* (cell) each, the state that is left */
};

/* ---- pieces of physics ---- */

/* An Arrhenius rate over its value at 25 degrees; u = (T - T25)/(T25 R T). */
#define ARRHENIUS(energy, u) mild_exponential(K(energy) * (u))
#define STAR(ps, u) (K(4.332 / P0) * (ps) * ARRHENIUS(37830.0, u))
/* a quotient of two Arrhenius rates is one of the difference of their energies */
#define KMM(ps, u)                                                                                                     \
    (K(39.97) * ARRHENIUS(79430.0, u) + K(39.97 * OXYGEN / 27480.0) * (ps) * ARRHENIUS(79430.0 - 36380.0, u))

/* Density of water, kg m-3, of degrees Celsius and Pa. */
INLINE real water_density(real c, real ps) {
    real lambda = (((K(-7.341182e-6) * c + K(3.096363e-3)) * c + K(-0.4695911)) * c + K(21.55053)) * c + K(1788.316);
    real p = (((K(-1.4661625e-5) * c + K(6.6123869e-3)) * c + K(-1.1253317)) * c + K(58.05267)) * c + K(5918.499);
    real v = K(-2.295063e-20);
    v = v * c + K(1.69946e-17);
    v = v * c + K(-5.437898e-15);
    v = v * c + K(1.005461e-12);
    v = v * c + K(-1.197269e-10);
    v = v * c + K(9.829576e-9);
    v = v * c + K(-6.315724e-7);
    v = v * c + K(3.704258e-5);
    v = v * c + K(-7.435626e-4);
    v = v * c + K(0.6980547);
    p += K(1e-5) * ps;
    return K(1e3) * p / (v * p + lambda);
}

/* The double sum of water's viscosity, of 1/T - 1 and density - 1, both reduced. */
INLINE real huber(real a, real r) {
    real h = (K(-0.000593264) * square(a) + K(-0.00435673)) * square(a) * a;
    h = h * r + K(0.00872102) * square(square(a));
    h = h * r + ((K(0.0698452) * a) * square(a) + K(-0.0325372));
    h = h * r + (K(0.257399) * a + K(0.161913));
    h = h * r + ((((K(-0.257040) * a + K(-0.489837)) * a + K(-0.772479)) * a + K(-0.906851)) * a + K(-0.281378));
    h = h * r + ((((K(0.120573) * square(a) + K(1.26613)) * a + K(1.88797)) * a + K(0.999115)) * a + K(0.222531));
    return h * r + (((K(-0.289555) * a + K(-1.08374)) * a + K(0.0850895)) * a + K(0.520094));
}

/* Twice the quantum yield of degrees Celsius, held above zero. */
INLINE real quantum_yield(real c) {
    real value = K(0.125) * ((K(-0.00034) * c + K(0.022)) * c + K(0.352));
    return value + root(square(value) + K(1e-6));
}

#endif
