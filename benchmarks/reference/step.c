/* The default daily model by hand: the yardstick of the engine benchmark.
 *
 * Sun, Canopy, PModel, NetRadiation, Snow, SoilMoisture, SoilWater, Phenology, LeafArea, Dalec, SoilClimate and
 * LitterSoil, moved by the stepper `Decay`; the sources of the equations stand with those processes. Cells are worked
 * through in blocks that stay in the nearest caches; within a block every array holds one number a cell, and every loop
 * is one that a compiler turns into vector instructions. What only parameters and the length of a step decide is worked
 * out when that length changes (`derive`). Divisions are gathered where algebra allows it; nothing is left out.
 *
 * Stocks must start at nought or more. Windows are means weighted by the length of the steps. Compile with -ffast-math
 * but without -fassociative-math, which would take from 1 - exp(-x) the digits of a small x.
 */
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "block.h"
#include "carbon.h"
#include "light.h"
#include "water.h"

/* The sums of a window; of slow pools, what has changed. */
static void remember(struct block *b) {
    const int lanes = LANES_OF(b);
    const real dt = b->dt;
    EACH_LANE {
        b->sum_gpp[j] += dt * b->gpp[j];
        b->sum_nee[j] += dt * (b->ra[j] + b->rh[j] - b->gpp[j]);
        b->sum_evspsbl[j] += dt * b->evspsbl[j];
        b->sum_lai[j] += dt * b->lai[j];
        b->sum_cVeg[j] += dt * (b->cLabile[j] + b->cLeaf[j] + b->cRoot[j] + b->cWood[j]);
        b->sum_cSoil[j] += dt * (b->cSoilYoung[j] + b->cSoilOld[j]);
    }
}

static void step(struct block *b) {
    shine(b);
    radiate(b);
    wet(b);
    season(b);
    leaf(b);
    settle(b);
    assimilate(b);
    snow(b);
    draw_water(b);
    soak(b);
    grow(b);
    warm_soil(b);
    decay(b);
    remember(b);
}

/* One block of cells through all of time. */
static void run_block(const struct task *task, const struct calendar *calendar, long first, struct block *b) {
    load(task, first, b);
    long window = 0;
    real weight = K(0.0), before = K(0.0);
    for (long t = 0; t < task->steps; t++) {
        b->dt = task->dt[t];
        if (b->dt != before) derive(task, first, b);
        before = b->dt;
        drive(task, calendar, t, first, b);
        step(b);
        weight += b->dt;
        if (t + 1 == task->ends[window]) {
            keep(task, window++, first, weight, b);
            weight = K(0.0);
        }
    }
    unload(task, first, b);
}

/* Numbers too small for full precision can be slow to work with and mean nothing here: held at nought. */
static unsigned flush_tiny(void) {
#if defined(__SSE__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    return before;
#else
    return 0;
#endif
}

static void flush_as(unsigned before) {
#if defined(__SSE__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static int run_blocks(const struct task *task, const struct calendar *calendar, int threads) {
    int failed = 0;
    (void)threads;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        unsigned before = flush_tiny();
        struct block *b = aligned_alloc(64, sizeof *b);
        failed |= !b;
#pragma omp for schedule(dynamic, 1)
        for (long first = 0; first < task->cells; first += LANES)
            if (b) run_block(task, calendar, first, b);
        free(b);
        flush_as(before);
    }
    return failed;
}

/* Runs a task; returns 0, or 1 where memory ran out. */
int reference_run(const struct task *task, int threads) {
    size_t dates = (size_t)(task->steps * task->day_columns), size = dates * sizeof(real);
    real *all = malloc(4 * size + 1);
    if (!all) return 1;
    struct calendar calendar = {all, all + dates, all + 2 * dates, all + 3 * dates};
    almanac(task, &calendar);
    int failed = run_blocks(task, &calendar, threads);
    free(all);
    return failed;
}

/* ---- names, for the caller ---- */

#define SPELT(name) #name " "
#define SPELT_PARAMETER(process, name) #process "." #name " "
const char *reference_names(int list) {
    switch (list) {
    case 0: return PARAMETERS(SPELT_PARAMETER);
    case 1: return STATES(SPELT);
    case 2: return SERIES(SPELT);
    default: return OUTPUTS(SPELT);
    }
}

/* Threads that a run can use: 0 says that the library was built without OpenMP and runs on one. */
int reference_threads(void) {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 0;
#endif
}
