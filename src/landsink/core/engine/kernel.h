/* The loops around a generated step: strips of up to NB vectors of W columns run through time; threads share the strips out.
 *
 * The generated part before this file defines WHAT (FORWARD, TANGENT or ADJOINT), the counts NF, NH, NS, NO (forcing,
 * fixed values, states, outputs), NA (active fixed values), LANES (1: all columns of a strip share one cell's forcing,
 * 0: a strip is W neighbouring cells of one lane), EVERY (1: outputs step by step), which operands are shared by all
 * columns, and the step itself.
 *
 * Columns are numbered lane * cells + cell. A strip at the end of a row is moved back over columns that were already done:
 * they are computed twice, with the same result.
 */
#include "xla/ffi/api/c_api.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

typedef struct {
  int64_t windows, length, lanes, cells, strips, rows, directions;
  const int32_t *index;
  const double *weight;
  const void *forcing[NF + 1];
  const double *fixed[NH + 1], *start[NS + 1], *given[NA + NS + NO + 1];
  const R *pull[NO + 1];
  R *out[NO + 1];
  double *end[NS + NA + 1];
  int64_t next;
  int failed;
} Call;

static int landsink_threads = 1;

/* Where a strip's columns are: up to NB vectors of W columns. */
typedef struct {
  int vectors;
  int64_t column[NB][W], cell[NB];
} Place;

static int64_t strips(const Call *k) {
  const int64_t along = LANES ? k->lanes : k->cells, across = LANES ? k->cells : k->lanes;
  return across * ((along + NB * W - 1) / (NB * W));
}
static void place(const Call *k, int64_t strip, Place *p) {
  const int64_t along = LANES ? k->lanes : k->cells, per = (along + NB * W - 1) / (NB * W);
  const int64_t row = strip / per, first = (strip % per) * NB * W;
  const int64_t left = (along - first + W - 1) / W;
  p->vectors = (int)(left < NB ? left : NB);
  for (int v = 0; v < p->vectors; v++) {
    const int64_t wish = first + v * W, from = along < W ? 0 : wish + W > along ? along - W : wish;
    for (int j = 0; j < W; j++) {
      const int64_t at = from + j < along ? from + j : along - 1;
      p->column[v][j] = LANES ? at * k->cells + row : row * k->cells + at;
    }
    p->cell[v] = LANES ? row : from;
  }
}
/* A row of an operand into vectors, and back; neighbouring columns go as one piece. */
static inline int together(const int64_t *column) { return !LANES && column[W - 1] - column[0] == W - 1; }
static void gather(V *to, const double *from, const Place *p) {
  for (int v = 0; v < p->vectors; v++)
    for (int j = 0; j < W; j++) to[v][j] = (R)from[p->column[v][j]];
}
static void gather_wide(VD *to, const double *from, const Place *p) {
  for (int v = 0; v < p->vectors; v++)
    for (int j = 0; j < W; j++) SET(to[v], j, from[p->column[v][j]]);
}
static void gather_pull(V *to, const R *from, const Place *p, R weight) {
  for (int v = 0; v < p->vectors; v++) {
    V r;
    if (together(p->column[v])) memcpy(&r, from + p->column[v][0], sizeof r);
    else
      for (int j = 0; j < W; j++) r[j] = from[p->column[v][j]];
    to[v] = r * weight;
  }
}
static void scatter(R *to, const V *x, const Place *p) {
  for (int v = 0; v < p->vectors; v++)
    if (together(p->column[v])) memcpy(to + p->column[v][0], &x[v], sizeof x[v]);
    else
      for (int j = 0; j < W; j++) to[p->column[v][j]] = x[v][j];
}
static void scatter_wide(double *to, const VD *x, const Place *p) {
  for (int v = 0; v < p->vectors; v++)
    for (int j = 0; j < W; j++) to[p->column[v][j]] = GET(x[v], j);
}
static void scatter_widened(double *to, const V *x, const Place *p) {
  for (int v = 0; v < p->vectors; v++)
    for (int j = 0; j < W; j++) to[p->column[v][j]] = x[v][j];
}
/* W neighbouring cells of forcing, in whatever type it is kept; the same cells' next step is asked for ahead, since no
 * processor guesses a stride of a whole row */
#define LOAD(T, name)                                                       \
  static inline V name(const void *from, int64_t at, int64_t stride) {      \
    typedef T row __attribute__((vector_size(sizeof(T) * W)));              \
    row held;                                                               \
    memcpy(&held, (const T *)from + at, sizeof held);                       \
    __builtin_prefetch((const T *)from + at + stride);                      \
    return __builtin_convertvector(held, V);                                \
  }
LOAD(double, load_f64)
LOAD(float, load_f32)
LOAD(int16_t, load_i16)

static void load_forcing(const Call *k, const Place *p, int64_t t, R *fs, V *fv);

/* Everything of one strip but what hangs on the kind of kernel; n are the states after a step. */
typedef struct {
  Place place;
  R u[NH + 1], fs[NF + 1];
  V h[(NH + 1) * NB], fv[(NF + 1) * NB], o[(NO + 1) * NB];
  VD *s, *n, states[2][(NS + 1) * NB];
} Strip;

static void begin(const Call *k, int64_t strip, Strip *x) {
  place(k, strip, &x->place);
  x->s = x->states[0];
  x->n = x->states[1];
  for (int i = 0; i < NH; i++)
    if (SHARED[i]) x->u[i] = (R)k->fixed[i][0];
    else gather(x->h + i * NB, k->fixed[i], &x->place);
  for (int i = 0; i < NS; i++) gather_wide(x->s + i * NB, k->start[i], &x->place);
}
static inline void moved(Strip *x) {
  VD *const before = x->s;
  x->s = x->n;
  x->n = before;
}
#define EACH_STEP                                                  \
  for (int64_t q = 0, t; q < k->length; q++)                       \
    if ((t = k->index[w * k->length + q]) >= 0)
#define GIVEN x.place.vectors, x.u, x.h, x.fs, x.fv

#if WHAT == FORWARD
static void run(const Call *k, int64_t strip, char *unused) {
  Strip x;
  V sum[(NO + 1) * NB];
  const int64_t columns = k->lanes * k->cells;
  (void)unused;
  begin(k, strip, &x);
  for (int64_t w = 0; w < k->windows; w++) {
    memset(sum, 0, sizeof sum);
    EACH_STEP {
      load_forcing(k, &x.place, t, x.fs, x.fv);
      step(GIVEN, x.s, x.n, x.o);
      moved(&x);
      for (int i = 0; EVERY && i < NO; i++) scatter(k->out[i] + t * columns, x.o + i * NB, &x.place);
      for (int i = 0; !EVERY && i < NO * NB; i++) sum[i] += x.o[i] * (R)k->weight[w * k->length + q];
    }
    for (int i = 0; !EVERY && i < NO; i++) scatter(k->out[i] + w * columns, sum + i * NB, &x.place);
  }
  for (int i = 0; i < NS; i++) scatter_wide(k->end[i], x.s + i * NB, &x.place);
}
static size_t memory(const Call *k) { (void)k; return 0; }
#endif

#if WHAT == TANGENT
/* many directions at once: what does not depend on the direction is computed once a step */
static void run(const Call *k, int64_t strip, char *room) {
  Strip x;
  const int64_t columns = k->lanes * k->cells, d = k->directions;
  V *dh = (V *)room, *ds = dh + d * NA * NB, *dn = ds + d * NS * NB, *dout = dn + d * NS * NB;
  V *sum = dout + d * NO * NB;
  begin(k, strip, &x);
  for (int64_t i = 0; i < d; i++) {
    for (int a = 0; a < NA; a++) gather(dh + (i * NA + a) * NB, k->given[a] + i * columns, &x.place);
    for (int s = 0; s < NS; s++) gather(ds + (i * NS + s) * NB, k->given[NA + s] + i * columns, &x.place);
  }
  for (int64_t w = 0; w < k->windows; w++) {
    memset(sum, 0, d * NO * NB * sizeof(V));
    EACH_STEP {
      load_forcing(k, &x.place, t, x.fs, x.fv);
      step(GIVEN, x.s, x.n, d, dh, ds, dn, dout);
      moved(&x);
      V *const swap = ds;
      ds = dn;
      dn = swap;
      for (int64_t i = 0; EVERY && i < d * NO; i++)
        scatter(k->out[i % NO] + (i / NO * k->rows + t) * columns, dout + i * NB, &x.place);
      for (int64_t i = 0; !EVERY && i < d * NO * NB; i++) sum[i] += dout[i] * (R)k->weight[w * k->length + q];
    }
    for (int64_t i = 0; !EVERY && i < d * NO; i++)
      scatter(k->out[i % NO] + (i / NO * k->rows + w) * columns, sum + i * NB, &x.place);
  }
  for (int64_t i = 0; i < d; i++)
    for (int s = 0; s < NS; s++) scatter_widened(k->end[s] + i * columns, ds + (i * NS + s) * NB, &x.place);
}
static size_t memory(const Call *k) { return sizeof(V) * NB * k->directions * (NA + 2 * NS + 2 * NO + 1); }
#endif

#if WHAT == ADJOINT
/* Forward once, keeping the states before every step in the working precision, which is all that slopes need; then
 * backward. Fifty megabytes a strip for thirty years of days: to write and read them costs less than a second run. */
static void run(const Call *k, int64_t strip, char *room) {
  Strip x;
  const int64_t columns = k->lanes * k->cells;
  V *const kept = (V *)room;
  V cs[(NS + 1) * NB], cn[(NS + 1) * NB], co[(NO + 1) * NB], gradient[(NA + 1) * NB];
  VD total[(NA + 1) * NB];
  begin(k, strip, &x);
  memset(total, 0, sizeof total);
  for (int i = 0; i < NS; i++) gather(cs + i * NB, k->given[i], &x.place);
  for (int64_t w = 0; w < k->windows; w++) EACH_STEP {
    V *const now = kept + (w * k->length + q) * NS * NB;
    for (int i = 0; i < NS * NB; i++) now[i] = NARROW(x.s[i]);
    load_forcing(k, &x.place, t, x.fs, x.fv);
    step(GIVEN, x.s, x.n);
    moved(&x);
  }
  for (int64_t w = k->windows - 1; w >= 0; w--) {
    memset(gradient, 0, sizeof gradient);
    for (int64_t q = k->length - 1; q >= 0; q--) {
      const int64_t t = k->index[w * k->length + q];
      if (t < 0) continue;
      load_forcing(k, &x.place, t, x.fs, x.fv);
      for (int i = 0; i < NO; i++)
        gather_pull(co + i * NB, k->pull[i] + (EVERY ? t : w) * columns, &x.place,
                    EVERY ? (R)1 : (R)k->weight[w * k->length + q]);
      pull(GIVEN, kept + (w * k->length + q) * NS * NB, cs, cn, co, gradient);
      memcpy(cs, cn, NS * NB * sizeof(V));
    }
    for (int i = 0; i < NA * NB; i++) total[i] = GROWN(total[i], gradient[i]);
  }
  for (int i = 0; i < NA; i++) scatter_wide(k->end[i], total + i * NB, &x.place);
  for (int i = 0; i < NS; i++) scatter_widened(k->end[NA + i], cs + i * NB, &x.place);
}
static size_t memory(const Call *k) { return sizeof(V) * NB * NS * k->windows * k->length; }
#endif

static void *work(void *of) {
  Call *k = of;
  void *room = NULL;
  const size_t bytes = (memory(k) + 127) & ~(size_t)127;
  if (bytes && posix_memalign(&room, 128, bytes)) {
    k->failed = 1;
    return NULL;
  }
#if defined(__x86_64__)
  /* numbers below the smallest normal one cost a hundred times as much and mean nothing here */
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
#endif
  for (int64_t i; (i = __atomic_fetch_add(&k->next, 1, __ATOMIC_RELAXED)) < k->strips;) run(k, i, room);
#if defined(__x86_64__)
  _mm_setcsr(before);
#endif
  free(room);
  return NULL;
}

static void share_out(Call *k) {
  pthread_t thread[64];
  int started = 0, wanted = landsink_threads > 64 ? 64 : landsink_threads;
  if (wanted > k->strips) wanted = (int)k->strips;
  for (int i = 1; i < wanted; i++)
    if (pthread_create(&thread[started], NULL, work, k) == 0) started++;
  work(k);
  for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
}

/* Operands: index, weight, forcing, fixed values, starts, then tangents or cotangents. */
XLA_FFI_Error *landsink_call(XLA_FFI_CallFrame *frame) {
  for (XLA_FFI_Extension_Base *e = frame->extension_start; e; e = e->next)
    if (e->type == XLA_FFI_Extension_Metadata) {
      XLA_FFI_Metadata *about = ((XLA_FFI_Metadata_Extension *)e)->metadata;
      about->api_version.major_version = XLA_FFI_API_MAJOR;
      about->api_version.minor_version = XLA_FFI_API_MINOR;
      return NULL;
    }
  XLA_FFI_Buffer **in = (XLA_FFI_Buffer **)frame->args.args, **to = (XLA_FFI_Buffer **)frame->rets.rets;
  Call k = {0};
  k.windows = in[0]->dims[0];
  k.length = in[0]->dims[1];
  k.index = in[0]->data;
  k.weight = in[1]->data;
  const XLA_FFI_Buffer *shape = in[2 + NF + NH];
  k.lanes = shape->dims[0];
  k.cells = shape->dims[1];
  k.strips = strips(&k);
  int at = 2;
  for (int i = 0; i < NF; i++) k.forcing[i] = in[at++]->data;
  for (int i = 0; i < NH; i++) k.fixed[i] = in[at++]->data;
  for (int i = 0; i < NS; i++) k.start[i] = in[at++]->data;
  k.directions = 1;
#if WHAT == TANGENT
  k.directions = in[at]->dims[0];
  for (int i = 0; i < NA + NS; i++) k.given[i] = in[at++]->data;
#elif WHAT == ADJOINT
  for (int i = 0; i < NO; i++) k.pull[i] = in[at++]->data;
  for (int i = 0; i < NS; i++) k.given[i] = in[at++]->data;
#endif
  int put = 0;
#if WHAT == ADJOINT
  for (int i = 0; i < NA + NS; i++) k.end[i] = to[put++]->data;
#else
  for (int i = 0; i < NO; i++) k.out[i] = to[put++]->data;
  for (int i = 0; i < NS; i++) k.end[i] = to[put++]->data;
  k.rows = NO ? to[0]->dims[WHAT == TANGENT ? 1 : 0] : 0;
#endif
  if (k.strips) share_out(&k);
  if (k.failed) {
    XLA_FFI_Error_Create_Args why = {0};
    why.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
    why.message = "not enough memory for the native engine's working space";
    why.errc = XLA_FFI_Error_Code_RESOURCE_EXHAUSTED;
    return frame->api->XLA_FFI_Error_Create(&why);
  }
  return NULL;
}

void landsink_threads_set(int threads) { landsink_threads = threads; }
