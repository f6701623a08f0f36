/* Sun, NetRadiation and PModel: the day's light and heat, and photosynthesis. */
#ifndef LANDSINK_REFERENCE_LIGHT_H
#define LANDSINK_REFERENCE_LIGHT_H

#include "step.h"

/* Sun: day length as a share of the day, and radiation above the air. */
static void shine(struct block *b) {
    const int lanes = LANES_OF(b);
    const real rim = K(1.0 - 1e-7);
    EACH_LANE {
        real x = within(-rim, -b->tan_lat[j] * b->tan_dec[j], rim), far = real_fabs(x), low = root(K(1.0) - far);
        real arc = low * arc_over_root(far), set = x < K(0.0) ? K(PI) - arc : arc;
        real sine = low * root(K(1.0) + far);
        real high = set * b->sin_lat[j] * b->sin_dec[j] + b->cos_lat[j] * b->cos_dec[j] * sine;
        real share = set * K(1.0 / PI);
        b->rsdt[j] = K(SOLAR_CONSTANT / PI) * b->near[j] * most(high, K(0.0));
        b->share[j] = share, b->lit[j] = most(share, K(1.0 / 24.0));
    }
}

/* NetRadiation: the part of the day's course in which the sun brings more than is lost, and what it can evaporate. */
static void radiate(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(gain);
    SPARE_ARRAY(spent);
    SPARE_ARRAY(heated);
    EACH_LANE {
        real celsius = b->tas[j] - K(FREEZING), bright = most(b->rsds[j], K(0.0));
        real clear = within(K(0.0), K(2.0) * b->rsds[j] / most(b->rsdt[j], K(1.0)) - K(0.5), K(1.0));
        real loss = (K(0.2) + K(0.8) * clear) * most(b->longwave_base[j] - celsius, K(20.0));
        b->ppfd[j] = K(PHOTONS) * bright;
        gain[j] = b->absorbs[j] * bright, spent[j] = loss * b->lit[j] * K(2.0 / PI);
    }
    EACH_LANE {
        int above = gain[j] > spent[j] * K(1.0 + 1e-6);
        real ratio = above ? spent[j] / (above ? gain[j] : K(1.0)) : K(0.5), low = root(K(1.0) - ratio);
        real brought = low * (gain[j] * root(K(1.0) + ratio) - spent[j] * arc_over_root(ratio));
        b->surplus[j] = above ? brought : K(0.0);
    }
    EACH_LANE {
        real warm = within(K(-60.0), b->tas[j] - K(FREEZING), K(60.0)), under = K(1.0) / (warm + K(237.3));
        b->warm[j] = warm, b->slope[j] = K(4098.0 * 610.8) * under * under;
        heated[j] = mild_exponential(K(17.27) * warm * under);
    }
    EACH_LANE {
        real slope = b->slope[j] * heated[j], latent = slope * (K(2.501e6) - K(2361.0) * b->warm[j]);
        real dry = K(CP_AIR / EPSILON) * b->ps[j];
        b->evspsblpot[j] = b->priestley_taylor[j] * slope * b->surplus[j] / (latent + dry);
        b->slope[j] = slope, b->latent[j] = latent, b->dry[j] = dry;
        b->warm[j] += K(FREEZING);
    }
}

/* The compensation point and the Michaelis-Menten coefficient at kelvins `warm`, and Arrhenius' argument u. */
static void kinetics(const struct block *b, real *warm, real *per, real *u, real *star, real *kmm) {
    const int lanes = LANES_OF(b);
    EACH_LANE {
        per[j] = K(1.0) / warm[j];
        u[j] = (warm[j] - K(T25)) * per[j] * K(1.0 / (T25 * GAS));
    }
    EACH_LANE star[j] = STAR(b->ps[j], u[j]);
    EACH_LANE kmm[j] = KMM(b->ps[j], u[j]);
}

/* PModel: xi, and the capacities at 25 degrees, that are best in the remembered climate. */
static void settle(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(warm);
    SPARE_ARRAY(per);
    SPARE_ARRAY(star);
    SPARE_ARRAY(kmm);
    SPARE_ARRAY(thin);
    SPARE_ARRAY(thick);
    SPARE_ARRAY(draw);
    SPARE_ARRAY(under);
    EACH_LANE warm[j] = within(K(FREEZING - 25.0), b->tasAcclim[j], K(FREEZING + 60.0));
    kinetics(b, warm, per, b->u, star, kmm);
    EACH_LANE thick[j] = water_density(warm[j] - K(FREEZING), b->ps[j]) * K(1.0 / 322.0);
    EACH_LANE {
        real s = per[j] * K(647.096);
        thin[j] = (((K(-0.241605) * s + K(0.6366564)) * s + K(2.20462)) * s + K(1.67752)) * root(s);
        thick[j] = -thick[j] * huber(s - K(1.0), thick[j] - K(1.0));
    }
    EACH_LANE {
        real best = root(b->cost[j] * (kmm[j] + star[j]) * thin[j] * mild_exponential(thick[j]));
        b->xi[j] = best;
        draw[j] = (b->co2[j] * b->ps[j] - star[j]) * best;
    }
    EACH_LANE {
        real stomata = b->xi[j] + root(root(square(b->vpdAcclim[j]) + K(2500.0)));
        under[j] = K(1.0) / (draw[j] + K(3.0) * star[j] * stomata);
        /* mj over mc */
        b->rubisco[j] = (draw[j] + (star[j] + kmm[j]) * stomata) * under[j];
    }
    EACH_LANE {
        real mj = draw[j] * under[j], y = inverse_cube_root(within(K(0.41), mj, K(1.0)));
        real paid = mj > K(0.41 / (1.0 - 1e-6)) ? K(1.0) - K(COST_TO_TWO_THIRDS) * y * y : K(0.0);
        real limit = least(paid, K(0.99 * 0.99)), square_root = root(limit);
        real light = quantum_yield(warm[j] - K(FREEZING)) * b->yield[j] * most(b->ppfdAcclim[j], K(1e-6)) * square_root;
        b->electrons[j] = b->electron_scale[j] * light / root(K(1.0) - limit);
        b->rubisco[j] *= b->rubisco_scale[j] * light;
    }
}

/* PModel: what frost, a cold spell and heat leave, as a divisor. */
static void chill(const struct block *b, real *awake) {
    const int lanes = LANES_OF(b);
    EACH_LANE awake[j] = logistic_under((b->tasmin[j] - b->frost_temperature[j]) * b->per_frost_width[j]);
    EACH_LANE awake[j] *= logistic_under((b->tasAcclim[j] - b->waking_temperature[j]) * b->per_waking_width[j]);
    EACH_LANE awake[j] *= logistic_under((b->heat_temperature[j] - b->tasmax[j]) * K(0.3));
}

/* PModel: today's photosynthesis and conductance; the memories move on. */
static void assimilate(struct block *b) {
    const int lanes = LANES_OF(b);
    SPARE_ARRAY(day);
    SPARE_ARRAY(per);
    SPARE_ARRAY(u);
    SPARE_ARRAY(star);
    SPARE_ARRAY(kmm);
    SPARE_ARRAY(light);
    SPARE_ARRAY(able);
    SPARE_ARRAY(other);
    SPARE_ARRAY(awake);
    SPARE_ARRAY(drop);
    EACH_LANE {
        day[j] = b->tas[j] + b->day_warmth[j] * (b->tasmax[j] - b->tas[j]);
        day[j] = within(K(FREEZING - 25.0), day[j], K(FREEZING + 60.0));
        light[j] = b->ppfd[j] / b->lit[j];
    }
    kinetics(b, day, per, u, star, kmm);
    chill(b, awake);
    EACH_LANE able[j] = b->electrons[j] * mild_exponential(K(ENERGY_JMAX) * (u[j] - b->u[j])) + K(1e-12);
    EACH_LANE other[j] = b->rubisco[j] * mild_exponential(K(ENERGY_VCMAX) * (u[j] - b->u[j]));
    EACH_LANE {
        real open = b->co2[j] * b->ps[j] - star[j], humid = root(root(square(b->vpd[j]) + K(2500.0)));
        real stomata = b->xi[j] + humid, draw = most(open * b->xi[j], K(0.0));
        real asked = K(4.0) * quantum_yield(day[j] - K(FREEZING)) * b->yield[j] * light[j];
        /* both rates share the draw; a lesser of two fractions needs one division only */
        real one = K(0.25) * asked * able[j];
        real left = one * (draw + (star[j] + kmm[j]) * stomata);
        real right = other[j] * root(square(able[j]) + square(asked)) * (draw + K(3.0) * star[j] * stomata);
        drop[j] = open * humid / stomata;
        able[j] = K(2.0) * draw * one * other[j], other[j] = left * right, light[j] *= K(PI / 2.0);
        kmm[j] = left + right;
    }
    EACH_LANE {
        real under = kmm[j] + root(square(kmm[j]) - K(4.0 * 0.95) * other[j]) + K(TINY);
        real moles = able[j] * b->lit[j] * b->fapar[j] * b->drought[j] / (under * awake[j]);
        b->gpp[j] = K(CARBON) * moles;
        b->gc[j] = b->conductance[j] * moles * day[j] / drop[j];
        b->tasAcclim[j] = day[j] + b->keep_acclim[j] * (b->tasAcclim[j] - day[j]);
        b->vpdAcclim[j] = b->vpd[j] + b->keep_acclim[j] * (b->vpdAcclim[j] - b->vpd[j]);
        b->ppfdAcclim[j] = light[j] + b->keep_acclim[j] * (b->ppfdAcclim[j] - light[j]);
    }
}

#endif
