/* Short vectors of float or double, and the elementary functions on them.
 *
 * Polynomials are the functions' own Taylor series after the usual reduction of the argument, cut where the next term
 * is below half a unit in the last place. No flag that lets a compiler forget NaN or infinity is needed for speed:
 * every function here is straight-line code. SINGLE selects float; stocks are then kept in two parts (VD).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define REGISTER 64
#elif defined(__AVX2__)
#define REGISTER 32
#else
#define REGISTER 16
#endif
#define BYTES REGISTER
#ifndef NB
#define NB 1 /* vectors in a strip */
#endif

#ifdef SINGLE
typedef float R;
typedef int32_t I;
typedef uint32_t U;
#define W (BYTES / 4)
#define MANTISSA 23
#define BIAS 127
#define MAGIC 12582912.0f
#define S_(name) name##f
#else
typedef double R;
typedef int64_t I;
typedef uint64_t U;
#define W (BYTES / 8)
#define MANTISSA 52
#define BIAS 1023
#define MAGIC 6755399441055744.0
#define S_(name) name
#endif

typedef R V __attribute__((vector_size(BYTES)));
typedef I VI __attribute__((vector_size(BYTES)));
typedef U VU __attribute__((vector_size(BYTES)));
/* What is added up over decades. In single precision it is kept as a sum of two, the second taking what the first has no
 * digits for: as good as double precision for small increments, without the price of converting to and fro. */
#ifdef SINGLE
typedef struct {
  V high, low;
} VD;
#define NARROW(x) ((x).high)
#define WIDEN(x) ((VD){(x), (V){0}})
static inline VD GROWN(VD x, V by) {
  const V low = x.low + by, high = x.high + low;
  return (VD){high, low - (high - x.high)};
}
#define SET(x, at, to) ((x).high[at] = (R)(to), (x).low[at] = (R)((to) - (x).high[at]))
#define GET(x, at) ((double)(x).high[at] + (x).low[at])
#else
typedef V VD;
#define NARROW(x) (x)
#define WIDEN(x) (x)
#define GROWN(x, by) ((x) + (by))
#define SET(x, at, to) ((x)[at] = (to))
#define GET(x, at) ((x)[at])
#endif

#define ZERO ((V){0})
#define SPLAT(x) ((R)(x) - (V){0})
#define MASK(x) (-((I)((x) != 0) - (VI){0}))
#define SIGNBIT ((I)1 << (8 * (int)sizeof(R) - 1))

/* what one instruction does */
#if REGISTER == 64 && defined(SINGLE)
typedef __m512 P;
#define P_MAX _mm512_max_ps
#define P_MIN _mm512_min_ps
#define P_SQRT _mm512_sqrt_ps
#elif REGISTER == 64
typedef __m512d P;
#define P_MAX _mm512_max_pd
#define P_MIN _mm512_min_pd
#define P_SQRT _mm512_sqrt_pd
#elif REGISTER == 32 && defined(SINGLE)
typedef __m256 P;
#define P_MAX _mm256_max_ps
#define P_MIN _mm256_min_ps
#define P_SQRT _mm256_sqrt_ps
#define P_BLEND _mm256_blendv_ps
#elif REGISTER == 32
typedef __m256d P;
#define P_MAX _mm256_max_pd
#define P_MIN _mm256_min_pd
#define P_SQRT _mm256_sqrt_pd
#define P_BLEND _mm256_blendv_pd
#endif
static inline V SELECT(VI m, V a, V b) {
#ifdef P_BLEND
  return (V)P_BLEND((P)b, (P)a, (P)m);
#else
  return (V)((m & (VI)a) | (~m & (VI)b));
#endif
}
/* where one operand is not a number, the second is the result */
static inline V MAX(V a, V b) {
#ifdef P_MAX
  return (V)P_MAX((P)a, (P)b);
#else
  return SELECT(a > b, a, b);
#endif
}
static inline V MIN(V a, V b) {
#ifdef P_MIN
  return (V)P_MIN((P)a, (P)b);
#else
  return SELECT(a < b, a, b);
#endif
}
static inline V MAXN(V a, V b) { return SELECT(a != a, a, MAX(a, b)); }
static inline V MINN(V a, V b) { return SELECT(a != a, a, MIN(a, b)); }

static inline V v_abs(V x) { return (V)((VI)x & ~SIGNBIT); }
static inline V v_sign(V x) {
  return SELECT(x > ZERO, SPLAT(1), SELECT(x < ZERO, SPLAT(-1), x));
}
static inline V v_sqrt(V x) {
#ifdef P_SQRT
  return (V)P_SQRT((P)x);
#else
  V r;
  for (int j = 0; j < W; j++) r[j] = S_(sqrt)(x[j]);
  return r;
#endif
}
static inline V v_floor(V x) {
  V r;
  for (int j = 0; j < W; j++) r[j] = S_(floor)(x[j]);
  return r;
}

/* short loops over constants become constants only if they are unrolled */
#define UNROLL _Pragma("GCC unroll 32")
#define OFTEN static inline __attribute__((always_inline))
#define RARELY static __attribute__((noinline))

/* 1/n!, n = 0..19 */
static const double FACT[20] = {1.0, 1.0, 0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
  1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0, 1.0 / 87178291200.0,
  1.0 / 1307674368000.0, 1.0 / 20922789888000.0, 1.0 / 355687428096000.0, 1.0 / 6402373705728000.0,
  1.0 / 121645100408832000.0};
/* 1/(2n + 1), n = 1..10 */
static const double ODD[10] = {1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19,
  1.0 / 21};
#ifdef SINGLE
#define EXP_TERMS 7
#define LOG_TERMS 4
#define TRIG_TERMS 5
#define ASIN_TERMS 11
#define EXP_LOW -87.0f
#define EXP_HIGH 88.0f
#else
#define EXP_TERMS 13
#define LOG_TERMS 10
#define TRIG_TERMS 9
#define ASIN_TERMS 25
#define EXP_LOW -708.0
#define EXP_HIGH 709.0
#endif

/* sum of c[n] x^n, n = 0..last, as four series in x^4 side by side, since one long chain would wait for itself */
OFTEN V series(const double *c, int last, V x) {
  const V x2 = x * x, x4 = x2 * x2;
  V part[4];
  UNROLL for (int i = 0; i < 4; i++) {
    const int top = last - (last - i) % 4;
    part[i] = SPLAT(i <= last ? c[top] : 0.0);
    UNROLL for (int n = top - 4; n >= i; n -= 4) part[i] = part[i] * x4 + (R)c[n];
  }
  return (part[2] + part[3] * x) * x2 + (part[0] + part[1] * x);
}

/* x = k ln2 + r with |r| <= ln2/2: gives expm1(r) and 2^k */
OFTEN V reduced(V x, V *scale) {
  const V t = x * (R)1.4426950408889634 + MAGIC;
  const V k = t - MAGIC;
#ifdef SINGLE
  const V r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
#else
  const V r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
#endif
  *scale = (V)(((VI)t << MANTISSA) + ((I)BIAS << MANTISSA));
  return series(FACT + 1, EXP_TERMS - 1, r) * r;
}
/* beyond the range of the type the largest and the smallest result stand for infinity and zero */
#ifdef SINGLE
/* (e^r - 1)/r for |r| <= ln2/2, to 9e-8 of e^r: least largest error, found by reweighted least squares */
static const float EXP_FIT[5] = {0.99999971f, 0.49999148f, 0.16667638f, 0.04189816f, 0.00829027f};
OFTEN V v_exp(V x) {
  x = MAX(SPLAT(EXP_LOW), MIN(SPLAT(EXP_HIGH), x));
  const V t = x * (R)1.4426950408889634 + MAGIC;
  const V k = t - MAGIC;
  const V r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  const V scale = (V)(((VI)t << MANTISSA) + ((I)BIAS << MANTISSA));
  V p = SPLAT(EXP_FIT[4]);
  UNROLL for (int n = 3; n >= 0; n--) p = p * r + EXP_FIT[n];
  return (p * r) * scale + scale;
}
#else
OFTEN V v_exp(V x) {
  V scale;
  const V p = reduced(MAX(SPLAT(EXP_LOW), MIN(SPLAT(EXP_HIGH), x)), &scale);
  return p * scale + scale;
}
#endif
OFTEN V v_expm1(V x) {
  V scale;
  const V p = reduced(MAX(SPLAT(EXP_LOW), MIN(SPLAT(EXP_HIGH), x)), &scale);
  return p * scale + (scale - (R)1);
}
OFTEN V log_of(V x) {
  const VI bits = (VI)x;
  const I one = (I)BIAS << MANTISSA;
  /* the exponent becomes a number by standing in the mantissa of 2^MANTISSA */
  V e = (V)((VI)(((VU)bits >> MANTISSA) & (U)((BIAS << 1) + 1)) | (I)((I)(BIAS + MANTISSA) << MANTISSA))
        - (R)((I)1 << MANTISSA) - (R)BIAS;
  V m = (V)((bits & (((I)1 << MANTISSA) - 1)) | one);
  const VI big = m > SPLAT(1.4142135623730951);
  m = SELECT(big, m * (R)0.5, m);
  e = SELECT(big, e + (R)1, e);
  const V s = (m - (R)1) / (m + (R)1), z = s * s;
  const V p = series(ODD, LOG_TERMS - 1, z);
#ifdef SINGLE
  V r = e * -2.12194440e-4f + (R)2 * (s * z * p);
  r = r + (R)2 * s;
  r = r + e * 0.693359375f;
#else
  V r = e * 1.90821492927058770002e-10 + (R)2 * (s * z * p);
  r = r + (R)2 * s;
  r = r + e * 6.93147180369123816490e-01;
#endif
  const V edge = SELECT(x == ZERO, SPLAT(-INFINITY), SELECT(x < ZERO, SPLAT(NAN), x));
  return SELECT((x > ZERO) & (x < SPLAT(INFINITY)), r, edge);
}
RARELY V v_log(V x) { return log_of(x); }
RARELY V v_log1p(V x) {
  const V u = x + (R)1;
  const V off = u - (R)1;
  /* the rounding of 1 + x is undone to first order */
  return SELECT((off == ZERO) | (u == SPLAT(INFINITY)), x, log_of(u) * (x / SELECT(off == ZERO, SPLAT(1), off)));
}
OFTEN V v_tanh(V x) {
  const V t = v_expm1(MIN(SPLAT(40), v_abs(x) * (R)2));
  const V r = t / (t + (R)2);
  return SELECT(x < ZERO, -r, r);
}
RARELY V v_pow(V x, V y) {
  const V r = v_exp(y * log_of(x));
  return SELECT(y == ZERO, SPLAT(1), SELECT((x == ZERO) & (y > ZERO), ZERO, r));
}

/* x = q pi/2 + r; sine and cosine of r */
OFTEN VI quarter(V x, V *sine, V *cosine) {
  const V t = x * (R)0.63661977236758134308 + MAGIC;
  const V q = t - MAGIC;
#ifdef SINGLE
  const V r = ((x - q * 1.5703125f) - q * 4.837512969970703125e-4f) - q * 7.549789948768648e-8f;
#else
  const V r = ((x - q * 1.57079632673412561417e+00) - q * 6.07710050630396597660e-11) - q * 2.02226624879595063154e-21;
#endif
  const V z = r * r;
  V s = SPLAT(FACT[2 * TRIG_TERMS + 1]), c = SPLAT(FACT[2 * TRIG_TERMS]);
  UNROLL for (int n = TRIG_TERMS - 1; n >= 0; n--) {
    s = SPLAT(FACT[2 * n + 1]) - s * z;
    c = SPLAT(FACT[2 * n]) - c * z;
  }
  *sine = s * r;
  *cosine = c;
  return (VI)t;
}
static V signed_by(V x, VI negative) { return SELECT(negative, -x, x); }
RARELY V v_sin(V x) {
  V s, c;
  const VI q = quarter(x, &s, &c);
  return signed_by(SELECT((q & 1) != 0, c, s), (q & 2) != 0);
}
RARELY V v_cos(V x) {
  V s, c;
  const VI q = quarter(x, &s, &c) + 1;
  return signed_by(SELECT((q & 1) != 0, c, s), (q & 2) != 0);
}
RARELY V v_tan(V x) {
  V s, c;
  const VI q = quarter(x, &s, &c);
  return SELECT((q & 1) != 0, -c / s, s / c);
}
/* asin(s) for s^2 = z <= 1/4 */
OFTEN V small_asin(V s, V z) {
  double term = 1.0;
  V sum = s, power = s;
  UNROLL for (int n = 1; n < ASIN_TERMS; n++) {
    term *= (2.0 * n - 1.0) / (2.0 * n);
    power = power * z;
    sum = power * (R)(term / (2.0 * n + 1.0)) + sum;
  }
  return sum;
}
RARELY V v_asin(V x) {
  const V a = v_abs(x);
  const VI big = a > SPLAT(0.5);
  const V z = SELECT(big, ((R)1 - a) * (R)0.5, a * a);
  const V p = small_asin(SELECT(big, v_sqrt(z), a), z);
  return signed_by(SELECT(big, SPLAT(1.57079632679489661923) - (R)2 * p, p), x < ZERO);
}
RARELY V v_acos(V x) {
  const V a = v_abs(x);
  const VI big = a > SPLAT(0.5);
  const V z = SELECT(big, ((R)1 - a) * (R)0.5, a * a);
  const V p = small_asin(SELECT(big, v_sqrt(z), a), z);
  const V near_one = SELECT(x > ZERO, (R)2 * p, SPLAT(3.14159265358979323846) - (R)2 * p);
  return SELECT(big, near_one, SPLAT(1.57079632679489661923) - signed_by(p, x < ZERO));
}

static inline R s_max(R a, R b) { return a != a ? a : a > b ? a : b; }
static inline R s_min(R a, R b) { return a != a ? a : a < b ? a : b; }
static inline R s_sign(R x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
#define s_exp S_(exp)
#define s_expm1 S_(expm1)
#define s_log S_(log)
#define s_log1p S_(log1p)
#define s_tanh S_(tanh)
#define s_pow S_(pow)
#define s_sin S_(sin)
#define s_cos S_(cos)
#define s_tan S_(tan)
#define s_acos S_(acos)
#define s_asin S_(asin)
#define s_sqrt S_(sqrt)
#define s_abs S_(fabs)
#define s_floor S_(floor)
