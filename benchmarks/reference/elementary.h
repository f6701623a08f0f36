/* Elementary functions that a compiler can vectorise inside a loop: no branch, no table, no call.
 *
 * A call to a vector library spills every vector register; with thirty exponentials a cell and a day that costs more
 * than the polynomials themselves. The coefficients interpolate at Chebyshev nodes (double: relative error below 4e-16;
 * float: below 2e-7). Arguments outside the stated ranges are held at their ends.
 */
#ifndef LANDSINK_REFERENCE_ELEMENTARY_H
#define LANDSINK_REFERENCE_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef SINGLE
typedef float real;
typedef int32_t bits;
#define MANTISSA 23
#define EXP_LOW -87.0
#define EXP_HIGH 88.0
#define TINY 1e-30f
#define FAR 29.0 /* three logistic functions in one denominator must not overflow */
#define ONE_ULP_INTO 12582912.0 /* 1.5 x 2^23: adding it leaves an integer in the low bits */
#define BIAS 127
#define real_rint rintf
#define real_sqrt sqrtf
#define real_fabs fabsf
#else
typedef double real;
typedef int64_t bits;
#define MANTISSA 52
#define EXP_LOW -708.0
#define EXP_HIGH 709.0
#define TINY 1e-30
#define FAR 230.0
#define ONE_ULP_INTO 6755399441055744.0 /* 1.5 x 2^52 */
#define BIAS 1023
#define real_rint rint
#define real_sqrt sqrt
#define real_fabs fabs
#endif

#define K(number) ((real)(number))
#define INLINE static inline __attribute__((always_inline))

INLINE real least(real one, real other) { return one < other ? one : other; }
INLINE real most(real one, real other) { return one > other ? one : other; }
INLINE real within(real low, real x, real high) { return least(most(x, low), high); }
INLINE real square(real x) { return x * x; }
INLINE real root(real x) { return real_sqrt(x); }

/* 2^k for an integer-valued k: the sum's low bits are k + bias, which the shift moves to the exponent's place. */
INLINE real power_of_two(real k) {
    real shifted = k + K(ONE_ULP_INTO + BIAS);
    bits pattern;
    memcpy(&pattern, &shifted, sizeof pattern);
    pattern = (bits)((sizeof(bits) == 4 ? (uint64_t)(uint32_t)pattern : (uint64_t)pattern) << MANTISSA);
    memcpy(&shifted, &pattern, sizeof shifted);
    return shifted;
}

/* exp(r) - 1 for |r| <= ln(2)/2. */
INLINE real exp_less_one_near_zero(real r) {
#ifdef SINGLE
    real g = K(1.392617619460995721e-03);
    g = g * r + K(8.363173134292811456e-03);
    g = g * r + K(4.166655466160213734e-02);
    g = g * r + K(1.666657702523904956e-01);
    g = g * r + K(5.000000000000000001e-01);
#else
    real g = K(2.509897048638267456e-08);
    g = g * r + K(2.762008301382361932e-07);
    g = g * r + K(2.755727223001108203e-06);
    g = g * r + K(2.480152130462074968e-05);
    g = g * r + K(1.984126985968963676e-04);
    g = g * r + K(1.388888891721111681e-03);
    g = g * r + K(8.333333333331186757e-03);
    g = g * r + K(4.166666666662412158e-02);
    g = g * r + K(1.666666666666666641e-01);
    g = g * r + K(5.000000000000001023e-01);
#endif
    return g * r * r + r;
}

#define LOG2E 1.442695040888963407
#define LN2 0.693147180559945309

/* exp(x) for arguments that cannot overflow, such as those of temperatures. */
INLINE real mild_exponential(real x) {
    real k = real_rint(x * K(LOG2E)), scale = power_of_two(k);
    return scale * exp_less_one_near_zero(x - k * K(LN2)) + scale;
}

/* exp(x). */
INLINE real exponential(real x) { return mild_exponential(within(K(EXP_LOW), x, K(EXP_HIGH))); }

/* 1 - exp(-x), with all its digits where x is small, for x >= 0. */
INLINE real decayed(real x) {
    x = least(x, K(-EXP_LOW));
    real k = real_rint(x * K(-LOG2E)), scale = power_of_two(k);
    return (K(1.0) - scale) - scale * exp_less_one_near_zero(-x - k * K(LN2));
}

/* The denominator of a logistic function: 1 + exp(-x). */
INLINE real logistic_under(real x) { return mild_exponential(within(K(-FAR), -x, K(FAR))) + K(1.0); }

/* acos(x)/sqrt(1 - x) for 0 <= x <= 1. */
INLINE real arc_over_root(real x) {
#ifdef SINGLE
    real g = K(-1.211737769815979249e-03);
    g = g * x + K(6.491521428455743203e-03);
    g = g * x + K(-1.684105241567598193e-02);
    g = g * x + K(3.072212241828023438e-02);
    g = g * x + K(-5.011430310456079775e-02);
    g = g * x + K(8.896885320062664787e-02);
    g = g * x + K(-2.145981555645723578e-01);
    return g * x + K(1.570796298215578148e+00);
#else
    real g = K(-3.074388951063156128e-06);
    g = g * x + K(3.414931707084178925e-05);
    g = g * x + K(-1.800656027626246214e-04);
    g = g * x + K(6.036114558810368180e-04);
    g = g * x + K(-1.458594866562634706e-03);
    g = g * x + K(2.745128271271823905e-03);
    g = g * x + K(-4.272677524500068103e-03);
    g = g * x + K(5.804478759921494202e-03);
    g = g * x + K(-7.237782512804358248e-03);
    g = g * x + K(8.651698861716994315e-03);
    g = g * x + K(-1.023509807176070652e-02);
    g = g * x + K(1.221874865127223764e-02);
    g = g * x + K(-1.488654142449530315e-02);
    g = g * x + K(1.867232525702182677e-02);
    g = g * x + K(-2.437432858830728619e-02);
    g = g * x + K(3.368128655821278246e-02);
    g = g * x + K(-5.079281451914687046e-02);
    g = g * x + K(8.904862254766935085e-02);
    g = g * x + K(-2.146018366025490419e-01);
    return g * x + K(1.570796326794896617e+00);
#endif
}

/* x^(-1/3) for 0.41 <= x <= 1: a quartic, then Newton's steps, which need no division. */
INLINE real inverse_cube_root(real x) {
    real y = K(7.842502962199985181e-01);
    y = y * x + K(-2.867743395501065458e+00);
    y = y * x + K(4.225966215121959854e+00);
    y = y * x + K(-3.310748710147933807e+00);
    y = y * x + K(2.168374462265117506e+00);
    y = y * (K(4.0) - x * y * y * y) * K(1.0 / 3.0);
#ifndef SINGLE
    y = y * (K(4.0) - x * y * y * y) * K(1.0 / 3.0);
#endif
    return y;
}

#endif
