/* Between a run's arrays and a block of cells: what is brought in, worked out ahead, and taken out again. */
#ifndef LANDSINK_REFERENCE_BLOCK_H
#define LANDSINK_REFERENCE_BLOCK_H

#include "step.h"

#define ALL_LANES for (int j = 0; j < b->lanes; j++)
/* the cell of a lane; lanes beyond the last cell repeat it */
#define CELL(j) (first + (j) < task->cells ? first + (j) : task->cells - 1)
#define P(name) (task->parameters[name][CELL(j)])

struct calendar {
#define POINTER(name) real *name;
    CALENDAR(POINTER)
#undef POINTER
};

/* The sun's place on every date of the run. */
static void almanac(const struct task *task, const struct calendar *calendar) {
    for (long i = 0; i < task->steps * task->day_columns; i++) {
        double dec = -TILT * cos(2.0 * PI * (task->day[i] + 10.0) / 365.0);
        calendar->sin_dec[i] = (real)sin(dec), calendar->cos_dec[i] = (real)cos(dec);
        calendar->tan_dec[i] = (real)tan(dec);
        calendar->near[i] = (real)(1.0 + 0.033 * cos(2.0 * PI * task->day[i] / 365.0));
    }
}

/* Viscosity of water at 25 degrees and sea level, Pa s; of the same pieces as in the step, in its precision. */
static real viscosity_25(void) {
    real s = K(647.096 / T25), rho = water_density(K(T25 - FREEZING), K(P0)) * K(1.0 / 322.0);
    real thin = ((K(-0.241605) * s + K(0.6366564)) * s + K(2.20462)) * s + K(1.67752);
    return K(1e-4) / (root(s) * thin) * exponential(rho * huber(s - K(1.0), rho - K(1.0)));
}

static void load(const struct task *task, long first, struct block *b) {
    long left = task->cells - first, k = 0;
    memset(b, 0, sizeof *b);
    b->lanes = (int)((left < LANES ? left + GRAIN - 1 : LANES) / GRAIN * GRAIN);
#define TAKE(name)                                                                                                     \
    ALL_LANES b->name[j] = (real)task->start[k][CELL(j)];                                                              \
    k++;
    STATES(TAKE)
#undef TAKE
#define EXACT(name) ALL_LANES b->exact_##name[j] = task->start[AT_##name][CELL(j)];
    SLOW(EXACT)
#undef EXACT
    ALL_LANES {
#define BEGIN(name) b->base_##name[j] = b->name[j], b->name[j] = K(0.0);
        SLOW(BEGIN)
#undef BEGIN
    }
    ALL_LANES {
        real lat = within(K(-89.9), task->lat[CELL(j)], K(89.9));
        b->sin_lat[j] = (real)sin((double)lat * (PI / 180.0));
        b->cos_lat[j] = (real)cos((double)lat * (PI / 180.0));
        b->tan_lat[j] = (real)tan((double)lat * (PI / 180.0));
    }
}

static void unload(const struct task *task, long first, const struct block *b) {
    long k = 0, lanes = task->cells - first < LANES ? task->cells - first : LANES;
#define GIVE(name)                                                                                                     \
    for (long j = 0; j < lanes; j++) task->end[k][first + j] = (double)b->name[j];                                     \
    k++;
    STATES(GIVE)
#undef GIVE
#define GIVE(name)                                                                                                     \
    for (long j = 0; j < lanes; j++) task->end[AT_##name][first + j] += b->exact_##name[j];
    SLOW(GIVE)
#undef GIVE
}

/* What the window has changed joins the slow pools. */
static void settle_slow(struct block *b) {
#define JOIN(name)                                                                                                     \
    ALL_LANES {                                                                                                        \
        b->exact_##name[j] += (double)b->name[j];                                                                      \
        b->base_##name[j] = (real)b->exact_##name[j], b->name[j] = K(0.0);                                             \
    }
    SLOW(JOIN)
#undef JOIN
}

/* A finished window's means; the sums begin again. */
static void keep(const struct task *task, long window, long first, real weight, struct block *b) {
    long k = 0, at = window * task->cells + first, lanes = task->cells - first < LANES ? task->cells - first : LANES;
    const double per = 1.0 / (double)weight;
#define MEAN(name)                                                                                                     \
    for (long j = 0; j < lanes; j++) task->means[k][at + j] = (double)b->sum_##name[j] * per;                          \
    memset(b->sum_##name, 0, sizeof b->sum_##name);                                                                    \
    k++;
    OUTPUTS(MEAN)
#undef MEAN
    /* the sums of stocks hold changes only */
    for (long j = 0; j < lanes; j++) {
        task->means[AT_cVeg][at + j] += b->exact_cRoot[j] + b->exact_cWood[j];
        task->means[AT_cSoil][at + j] += b->exact_cSoilYoung[j] + b->exact_cSoilOld[j];
    }
    settle_slow(b);
}

/* One row of a series into a block, or one number into all of it. */
INLINE void bring(const real *row, long columns, long first, long cells, int lanes, real *to) {
    if (columns == 1) {
        for (int j = 0; j < lanes; j++) to[j] = row[0];
    } else if (first + lanes <= cells) {
        memcpy(to, row + first, sizeof(real) * (size_t)lanes);
    } else {
        for (int j = 0; j < lanes; j++) to[j] = row[first + j < cells ? first + j : cells - 1];
    }
}

/* The forcing of a step; the next step's is asked for ahead, since every row lies on another page. */
static void drive(const struct task *task, const struct calendar *calendar, long t, long first, struct block *b) {
    long k = 0, cells = task->cells, columns = task->day_columns;
    int lanes = b->lanes;
    long ahead = t + 2 < task->steps ? t + 2 : t;
#define BRING(name)                                                                                                    \
    if (task->columns[k] > 1)                                                                                          \
        for (long j = 0; j < lanes; j += (long)(64 / sizeof(real)))                                                    \
            __builtin_prefetch(task->series[k] + ahead * cells + first + j);                                           \
    bring(task->series[k] + t * task->columns[k], task->columns[k], first, cells, lanes, b->name);                     \
    k++;
    SERIES(BRING)
#undef BRING
#define DATE(name) bring(calendar->name + t * columns, columns, first, cells, lanes, b->name);
    CALENDAR(DATE)
#undef DATE
}

static void derive_water(const struct task *task, long first, struct block *b) {
    ALL_LANES {
        real top = P(SoilMoisture_capacity_top), below = P(SoilMoisture_capacity_root);
        b->absorbs[j] = K(1.0) - P(NetRadiation_albedo);
        b->priestley_taylor[j] = P(NetRadiation_priestley_taylor);
        b->longwave_base[j] = P(NetRadiation_longwave_base);
        b->capacity_top[j] = top, b->capacity_root[j] = below;
        b->per_top[j] = K(1.0) / top, b->per_root[j] = K(1.0) / below, b->per_both[j] = K(1.0) / (top + below);
        b->reach_top[j] = K(0.03) * top, b->reach_root[j] = K(0.03) * below;
        b->roots_top[j] = P(SoilMoisture_roots_top), b->per_onset[j] = K(1.0) / P(SoilMoisture_drought_onset);
        b->drought_loss[j] = K(1.0) - P(SoilMoisture_drought_floor);
        b->threshold[j] = P(Snow_threshold), b->per_width[j] = K(1.0) / P(Snow_width);
        b->degree_day[j] = P(Snow_degree_day), b->cover[j] = P(Snow_cover), b->sublimation[j] = P(Snow_sublimation);
        b->interception[j] = P(SoilWater_interception), b->aerodynamic[j] = P(SoilWater_aerodynamic);
        b->soil_share[j] = P(SoilWater_soil_share), b->percolation[j] = P(SoilWater_percolation);
        b->drainage[j] = P(SoilWater_drainage), b->quickflow[j] = P(SoilWater_quickflow);
    }
}

static void derive_light(const struct task *task, long first, struct block *b) {
    const real viscosity = viscosity_25();
    ALL_LANES {
        b->depth[j] = P(Canopy_extinction) * P(Canopy_clumping);
        b->cost[j] = P(PModel_cost_ratio) * viscosity * K(1e4 / 1.6);
        b->yield[j] = K(0.5) * P(PModel_yield_scale);
        b->electron_scale[j] = K(4.0) * P(PModel_electron_scale), b->rubisco_scale[j] = P(PModel_rubisco_scale);
        b->conductance[j] = K(1.6 * GAS) * P(PModel_conductance_scale);
        b->keep_acclim[j] = exponential(-b->dt / P(PModel_acclimation_time));
        b->day_warmth[j] = P(PModel_day_warmth), b->heat_temperature[j] = P(PModel_heat_temperature);
        b->frost_temperature[j] = P(PModel_frost_temperature), b->per_frost_width[j] = K(1.0) / P(PModel_frost_width);
        b->waking_temperature[j] = P(PModel_waking_temperature);
        b->per_waking_width[j] = K(1.0) / P(PModel_waking_width);
    }
}

static void derive_season(const struct task *task, long first, struct block *b) {
    b->leaf_pace = decayed(b->dt * K(1.0 / LEAF_TIME)) / b->dt;
    b->leaf_moved = K(1.0) / b->leaf_pace - K(LEAF_TIME);
    ALL_LANES {
        real gone = decayed(b->dt / P(Phenology_memory)), dried = decayed(b->dt / P(Phenology_time_water));
        b->keep_memory[j] = K(1.0) - gone, b->mean_memory[j] = gone * P(Phenology_memory) / b->dt;
        b->keep_water[j] = K(1.0) - dried, b->mean_water[j] = dried * P(Phenology_time_water) / b->dt;
        b->temperature_on[j] = P(Phenology_temperature_on);
        b->per_temperature_width[j] = K(1.0) / P(Phenology_temperature_width);
        b->day_slope[j] = K(86400.0) / P(Phenology_day_width);
        b->day_offset[j] = P(Phenology_day_on) / P(Phenology_day_width);
        b->time_off[j] = P(Phenology_time_off), b->time_gap[j] = P(Phenology_time_on) - P(Phenology_time_off);
        b->lai_max[j] = P(Phenology_lai_max), b->evergreen[j] = P(Phenology_evergreen);
        b->wet_on[j] = P(Phenology_wet_on), b->per_wet_width[j] = K(1.0) / P(Phenology_wet_width);
        b->leaf_mass[j] = P(LeafArea_leaf_mass), b->per_leaf_mass[j] = K(1.0) / P(LeafArea_leaf_mass);
    }
}

static void derive_carbon(const struct task *task, long first, struct block *b) {
    ALL_LANES {
        real dt = b->dt;
        b->log_q10[j] = (real)(log((double)P(Dalec_q10)) / 10.0);
        b->maint_leaf[j] = P(Dalec_maint_leaf), b->maint_root[j] = P(Dalec_maint_root);
        b->maint_wood[j] = P(Dalec_maint_wood), b->reserve[j] = P(Dalec_reserve);
        b->growth_yield[j] = P(Dalec_growth_yield), b->per_yield[j] = K(1.0) / P(Dalec_growth_yield);
        b->per_growth_time[j] = K(1.0) / P(Dalec_growth_time), b->root_share[j] = P(Dalec_root_share);
        b->leaf_ages[j] = dt / P(Dalec_leaf_life);
        b->root_lost[j] = decayed(dt / P(Dalec_root_life)), b->wood_lost[j] = decayed(dt / P(Dalec_wood_life));
        b->keep_soil[j] = exponential(-dt / P(SoilClimate_tau));
        b->log_q10_soil[j] = (real)(log((double)P(SoilClimate_q10)) / 10.0);
        b->t_ref[j] = P(SoilClimate_t_ref), b->half[j] = P(SoilClimate_half);
        b->dry_soil[j] = P(SoilClimate_dry), b->per_wet[j] = K(1.0) / P(SoilClimate_wet);
        b->litter_rate[j] = dt * P(LitterSoil_k_litter), b->cwd_rate[j] = dt * P(LitterSoil_k_wood);
        b->young_rate[j] = dt * P(LitterSoil_k_young), b->old_rate[j] = dt * P(LitterSoil_k_old);
        b->litter_humified[j] = P(LitterSoil_litter_humified), b->wood_humified[j] = P(LitterSoil_wood_humified);
        b->young_humified[j] = P(LitterSoil_young_humified);
    }
}

/* All that parameters and the length of the step decide. */
static void derive(const struct task *task, long first, struct block *b) {
    b->per_dt = K(1.0) / b->dt;
    derive_water(task, first, b);
    derive_light(task, first, b);
    derive_season(task, first, b);
    derive_carbon(task, first, b);
}

#endif
