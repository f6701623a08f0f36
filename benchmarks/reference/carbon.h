/* Phenology, LeafArea, Canopy, Dalec, SoilClimate and LitterSoil: the season, leaves, plants and soil. */
#ifndef LANDSINK_REFERENCE_CARBON_H
#define LANDSINK_REFERENCE_CARBON_H

#include "step.h"

/* Phenology: the leaf area that the season asks for. */
static void season(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(ready);
    SPARE_ARRAY(time);
    SPARE_ARRAY(on);
    EACH_LANE {
        real away = b->tasPhenology[j] - b->tas[j], mean = b->tas[j] + away * b->mean_memory[j];
        b->tasPhenology[j] = b->tas[j] + away * b->keep_memory[j];
        ready[j] = K(1.0) / (logistic_under((mean - b->temperature_on[j]) * b->per_temperature_width[j]) *
                             logistic_under(b->share[j] * b->day_slope[j] - b->day_offset[j]));
    }
    EACH_LANE time[j] = b->time_off[j] + b->time_gap[j] / logistic_under((ready[j] - b->tasLeafOn[j]) * K(1.0 / 0.03));
    EACH_LANE {
        real behind = b->tasLeafOn[j] - ready[j], gone = decayed(b->dt / time[j]);
        on[j] = ready[j] + behind * gone * time[j] * b->per_dt;
        b->tasLeafOn[j] -= behind * gone;
    }
    EACH_LANE {
        real goal = b->lai_max[j] / logistic_under((b->fSoilWet[j] - b->wet_on[j]) * b->per_wet_width[j]);
        real away = b->laiPotential[j] - goal;
        b->laiPotential[j] = goal + away * b->keep_water[j];
        b->laiTarget[j] = (goal + away * b->mean_water[j]) * (b->evergreen[j] + (K(1.0) - b->evergreen[j]) * on[j]);
    }
}

/* The positive part of a gap, rounded by a parabola within `corner` of nought. */
INLINE real above(real gap, real corner, real quarter) {
    return gap >= corner ? gap : square(most(gap + corner, K(0.0))) * quarter;
}

/* LeafArea and Canopy: growth and fall of leaves, and the light that they absorb. */
static void leaf(struct block *b) {
    const int lanes = LANES_OF(b);
    const real supply = K(SPARE / LEAF_TIME), pace = b->leaf_pace;
    EACH_LANE {
        real held = b->cLeaf[j], wanted = b->leaf_mass[j] * b->laiTarget[j] - held, corner = K(0.1) * held;
        int some = held > K(0.0);
        real per = K(1.0) / (some ? held : K(1.0)), quarter = some ? K(2.5) * per : K(0.25);
        real lacks = pace * above(wanted, corner, quarter);
        real growth = lacks * supply / (lacks + supply * b->cLabile[j] + K(1e-12 / LEAF_TIME));
        real fall = pace * above(-wanted, corner, quarter) * per;
        b->growth[j] = growth, b->fall[j] = fall;
        b->lai[j] = (held + (growth * b->cLabile[j] - fall * held) * b->leaf_moved) * b->per_leaf_mass[j];
    }
    EACH_LANE b->fapar[j] = decayed(b->depth[j] * most(b->lai[j], K(0.0)));
}

/* Dalec: the reserve pays for respiration and growth. Rates are per unit of reserve. */
static void grow(struct block *b) {
    const int lanes = LANES_OF(b);
    const real dt = b->dt;
    SPARE_ARRAY(warm);
    SPARE_ARRAY(spent);
    SPARE_ARRAY(rest);
    EACH_LANE warm[j] = mild_exponential(b->log_q10[j] * (b->tas[j] - K(FREEZING + 15.0)));
    EACH_LANE {
        real roots = b->base_cRoot[j] + b->cRoot[j], trunks = b->base_cWood[j] + b->cWood[j], held = b->cLabile[j];
        real asked = warm[j] * (b->maint_leaf[j] * b->cLeaf[j] + b->maint_root[j] * roots + b->maint_wood[j] * trunks);
        real upkeep = asked / (held + asked * K(HOLD) + K(1e-12)), leaves = b->growth[j] * b->per_yield[j];
        b->ra[j] = upkeep, spent[j] = upkeep + leaves;
        warm[j] *= b->per_growth_time[j] * held / (held + b->reserve[j]);
    }
    EACH_LANE {
        real held = b->cLabile[j], spare = held / (held * (K(1.0) + spent[j] * dt) + K(1e-12));
        rest[j] = decayed(warm[j] * dt) * b->per_dt * spare;
        spent[j] += rest[j];
    }
    EACH_LANE {
        real q = spent[j] * dt, lost = b->cLabile[j] * decayed(q), each = lost / (q + K(TINY));
        real built = b->growth_yield[j] * rest[j] * each * dt;
        b->ra[j] = each * (b->ra[j] + (K(1.0) - b->growth_yield[j]) * (spent[j] - b->ra[j]));
        b->cLabile[j] += b->gpp[j] * dt - lost;
        b->growth[j] *= each * dt;
        warm[j] = b->root_share[j] * built, rest[j] = built - warm[j];
    }
    EACH_LANE {
        real leaf_lost = b->cLeaf[j] * decayed(b->fall[j] * dt + b->leaf_ages[j]);
        real root_lost = (b->base_cRoot[j] + b->cRoot[j]) * b->root_lost[j];
        real wood_lost = (b->base_cWood[j] + b->cWood[j]) * b->wood_lost[j];
        b->cLeaf[j] += b->growth[j] - leaf_lost;
        b->cRoot[j] += warm[j] - root_lost, b->cWood[j] += rest[j] - wood_lost;
        b->fine[j] = leaf_lost + root_lost, b->coarse[j] = wood_lost;
    }
}

/* SoilClimate: the pace of decay. */
static void warm_soil(struct block *b) {
    const int lanes = LANES_OF(b);
    EACH_LANE {
        b->tsl[j] = b->tas[j] + (b->tsl[j] - b->tas[j]) * b->keep_soil[j];
        b->pace[j] = mild_exponential(b->log_q10_soil[j] * (b->tsl[j] - b->t_ref[j]));
    }
    EACH_LANE {
        real wet = b->fSoilWet[j], half = b->half[j];
        real supply = (K(1.0) + half) * wet / (half + wet);
        real air = exponential(-square(most(wet - K(1.0), K(0.0)) * b->per_wet[j]));
        b->pace[j] *= b->dry_soil[j] + (K(1.0) - b->dry_soil[j]) * supply * air;
    }
}

/* LitterSoil: what decays moves on, or is respired. */
static void decay(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(humified);
    EACH_LANE {
        real litter = (b->base_cLitter[j] + b->cLitter[j]) * decayed(b->litter_rate[j] * b->pace[j]);
        humified[j] = b->litter_humified[j] * litter, b->rh[j] = litter - humified[j];
        b->cLitter[j] += b->fine[j] - litter;
    }
    EACH_LANE {
        real wood = (b->base_cCwd[j] + b->cCwd[j]) * decayed(b->cwd_rate[j] * b->pace[j]);
        real passed = b->wood_humified[j] * wood;
        humified[j] += passed, b->rh[j] += wood - passed;
        b->cCwd[j] += b->coarse[j] - wood;
    }
    EACH_LANE {
        real young = (b->base_cSoilYoung[j] + b->cSoilYoung[j]) * decayed(b->young_rate[j] * b->pace[j]);
        real aged = b->young_humified[j] * young;
        b->cSoilYoung[j] += humified[j] - young, b->rh[j] += young - aged;
        humified[j] = aged;
    }
    EACH_LANE {
        real old = (b->base_cSoilOld[j] + b->cSoilOld[j]) * decayed(b->old_rate[j] * b->pace[j]);
        b->cSoilOld[j] += humified[j] - old;
        b->rh[j] = (b->rh[j] + old) * b->per_dt;
    }
}

#endif
