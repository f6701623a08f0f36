/* SoilMoisture, Snow and SoilWater: how wet the soil is, snow, and where water goes. */
#ifndef LANDSINK_REFERENCE_WATER_H
#define LANDSINK_REFERENCE_WATER_H

#include "step.h"

/* SoilMoisture: wetness of two layers, and what drought leaves of photosynthesis. */
static void wet(struct block *b) {
    const int lanes = LANES_OF(b);
    EACH_LANE {
        real upper = most(b->mrsos[j], K(0.0)), lower = most(b->mrsoRoot[j], K(0.0));
        real top = upper * b->per_top[j], below = lower * b->per_root[j];
        real felt = b->roots_top[j] * top + (K(1.0) - b->roots_top[j]) * below;
        real lack = most(K(1.0) - felt * b->per_onset[j], K(0.0));
        b->upper[j] = upper, b->lower[j] = lower;
        b->wet_top[j] = top, b->wet_root[j] = below;
        b->fSoilWet[j] = (upper + lower) * b->per_both[j];
        b->from_top[j] = b->roots_top[j] * top / (felt + K(1e-9));
        b->drought[j] = K(1.0) - b->drought_loss[j] * lack * lack;
    }
}

/* Snow: fall, melt and sublimation, the melt both as asked and as the store allows. */
static void snow(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(both);
    EACH_LANE b->prra[j] = b->pr[j] / logistic_under((b->tas[j] - b->threshold[j]) * b->per_width[j]);
    EACH_LANE {
        real excess = b->tas[j] - K(FREEZING), thaw = K(0.5) * (excess + root(square(excess) + K(0.5)));
        real under = K(1.0) / (b->snw[j] + b->cover[j]);
        b->melt[j] = b->degree_day[j] * thaw * under;
        both[j] = b->melt[j] + b->sublimation[j] * b->evspsblpot[j] * under;
    }
    EACH_LANE {
        real lost = b->snw[j] * decayed(both[j] * b->dt), ran = lost * b->per_dt / (both[j] + K(TINY));
        real melts = b->melt[j];
        b->melt[j] = melts * b->snw[j], b->melted[j] = melts * ran;
        b->evspsbl[j] = (both[j] - melts) * ran;
        b->snw[j] += (b->pr[j] - b->prra[j]) * b->dt - lost;
    }
}

/* The lesser of two amounts, its corner rounded with sharpness 0.98. */
INLINE real rounded_least(real one, real other) {
    real both = one * other, total = one + other;
    return K(2.0) * both / (total + root(square(total) - K(4.0 * 0.98) * both) + K(TINY));
}

/* SoilWater, above ground: what leaves hold and draw, and what reaches the soil. */
static void draw_water(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(plants);
    SPARE_ARRAY(arrives);
    EACH_LANE {
        real held = rounded_least(b->interception[j] * b->fapar[j] * b->prra[j], K(1.5) * b->evspsblpot[j]);
        real comes = b->prra[j] + b->melt[j];
        b->held[j] = held, arrives[j] = comes - held;
        /* the port passes on what came: melt may have run short of what was asked of the snow */
        b->part[j] = (b->prra[j] + b->melted[j]) / (comes + K(TINY));
    }
    EACH_LANE {
        real fapar = b->fapar[j], gc = b->gc[j];
        real pull = b->slope[j] * b->surplus[j] * fapar * b->warm[j] +
                    K(CP_AIR * DRY_AIR / GAS) * b->ps[j] * b->vpd[j] * b->aerodynamic[j];
        real under = b->warm[j] * (gc * (b->latent[j] + b->dry[j]) + b->dry[j] * b->aerodynamic[j]);
        plants[j] = rounded_least(gc * pull / under, fapar * (K(2.0) * b->evspsblpot[j] + K(2e-6)));
    }
    EACH_LANE {
        real soil = b->soil_share[j] * b->evspsblpot[j] * (K(1.0) - b->fapar[j]);
        real demand = plants[j] + soil, total = demand + arrives[j];
        real slack = root(square(total) - K(4.0 * 0.98) * demand * arrives[j]);
        real fresh = K(2.0) * arrives[j] * least(demand * K(1e15), K(1.0)) / (total + slack + K(TINY));
        b->held[j] += fresh * demand;
        b->left[j] = most(arrives[j] - fresh * demand, K(0.0));
        b->plants[j] = (K(1.0) - fresh) * plants[j], b->soil[j] = (K(1.0) - fresh) * soil;
    }
}

/* What share of an asked-for loss a store lets go within the step: (1 - exp(-q))/q, q the loss over the store. */
INLINE real let_go(real store, real asked, real dt) {
    real q = most(asked * dt / most(store, K(TINY)), K(TINY));
    return decayed(q) / q;
}

/* SoilWater, below ground: infiltration, uptake, percolation and drainage. */
static void soak(struct block *b) {
    const int lanes = LANES_OF(b);
    const real dt = b->dt;
    SPARE_ARRAY(fills);
    SPARE_ARRAY(seeps);
    SPARE_ARRAY(ran);
    SPARE_ARRAY(asked);
    EACH_LANE {
        real damp = within(K(0.0), K(0.5) * (b->wet_top[j] + b->wet_root[j]), K(1.0));
        real enters = b->left[j] * (K(1.0) - b->quickflow[j] * damp * damp);
        fills[j] = rounded_least(enters, most(b->capacity_top[j] - b->upper[j], K(0.0)) * b->per_dt);
        seeps[j] = most(enters - fills[j], K(0.0));
    }
    EACH_LANE seeps[j] = rounded_least(seeps[j], most(b->capacity_root[j] - b->lower[j], K(0.0)) * b->per_dt);
    EACH_LANE {
        real upper = b->upper[j], top = b->wet_top[j], full = least(top, K(1.5));
        real dries = b->plants[j] * b->from_top[j] * upper / (upper + b->reach_top[j]) +
                     b->soil[j] * square(least(top, K(1.0)));
        b->soil[j] = dries, asked[j] = dries + b->percolation[j] * upper * full * full * full;
    }
    EACH_LANE {
        ran[j] = let_go(b->upper[j], asked[j], dt);
        b->evspsbl[j] += b->part[j] * b->held[j] + ran[j] * b->soil[j];
        b->mrsos[j] += dt * (b->part[j] * fills[j] - ran[j] * asked[j]);
        seeps[j] = b->part[j] * seeps[j] + ran[j] * (asked[j] - b->soil[j]);
    }
    EACH_LANE {
        real lower = b->lower[j], brim = least(b->wet_root[j], K(1.5));
        real deep = b->plants[j] * (K(1.0) - b->from_top[j]) * lower / (lower + b->reach_root[j]);
        real drains = deep + b->drainage[j] * lower * brim * brim * brim, goes = let_go(lower, drains, dt);
        b->evspsbl[j] += goes * deep;
        b->mrsoRoot[j] += dt * (seeps[j] - goes * drains);
    }
}

#endif
