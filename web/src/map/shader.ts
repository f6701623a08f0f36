// What the graphics card does for one pixel: find the cell, read its number, choose its colour.

export const VERTEX = `
in vec2 a_pos;
uniform float u_turn;
out vec2 v_world;
void main() {
  v_world = a_pos;
  gl_Position = projectTile(a_pos + vec2(u_turn, 0.0));
}`;

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
in vec2 v_world;
out vec4 colour;
uniform sampler2D u_one, u_one_sd, u_two, u_two_sd, u_colours;
uniform vec4 u_one_grid, u_two_grid;  // west edge, step, first edge, step, in degrees
uniform vec2 u_one_span, u_two_span;  // how far it reaches from there, in degrees
uniform vec2 u_range;
uniform int u_mode, u_uncertainty;
uniform float u_sigmas, u_split, u_dot;
const float PI = 3.141592653589793;

// The cell of a place; x is -1 outside the grid.
ivec2 cell(vec4 grid, vec2 span, ivec2 size, vec2 place) {
  float turned = mod(place.x - grid.x, 360.0);
  ivec2 at = ivec2(int(floor(turned / grid.y)), int(floor((place.y - grid.z) / grid.w)));
  float down = (place.y - grid.z) / span.y;
  bool inside = turned < span.x && at.x < size.x && at.y < size.y && down >= 0.0 && down < 1.0;
  return inside ? at : ivec2(-1);
}

// By the bits: drivers may optimise isnan() away.
bool nothing(float x) { return (floatBitsToUint(x) & 0x7f800000u) == 0x7f800000u; }

void main() {
  vec2 place = vec2(v_world.x * 360.0 - 180.0, degrees(2.0 * atan(exp(PI * (1.0 - 2.0 * v_world.y))) - 0.5 * PI));
  ivec2 a = cell(u_one_grid, u_one_span, textureSize(u_one, 0), place);
  ivec2 b = cell(u_two_grid, u_two_span, textureSize(u_two, 0), place);
  bool second = u_mode == 1 && gl_FragCoord.x >= u_split;
  bool both = u_mode == 2;
  if ((!second && a.x < 0) || ((second || both) && b.x < 0)) discard;
  float one = a.x < 0 ? 0.0 : texelFetch(u_one, a, 0).r;
  float two = b.x < 0 ? 0.0 : texelFetch(u_two, b, 0).r;
  float one_sd = a.x < 0 ? 0.0 : texelFetch(u_one_sd, a, 0).r;
  float two_sd = b.x < 0 ? 0.0 : texelFetch(u_two_sd, b, 0).r;
  if ((!second && nothing(one)) || ((second || both) && nothing(two))) discard;
  float x = both ? one - two : second ? two : one;
  // Of a difference the deviations are taken as independent.
  float sd = both ? sqrt(one_sd * one_sd + two_sd * two_sd) : second ? two_sd : one_sd;
  if (u_sigmas > 0.0 && !nothing(sd) && abs(x) < u_sigmas * sd) discard;
  float told = u_uncertainty == 3 ? sd : x;
  if (nothing(told)) discard;
  float share = clamp((told - u_range.x) / (u_range.y - u_range.x), 0.0, 1.0);
  vec3 rgb = texelFetch(u_colours, ivec2(int(floor(share * 255.0 + 0.5)), 0), 0).rgb;
  float alpha = 1.0;
  if (u_uncertainty == 1 && !nothing(sd)) alpha = sd > 0.0 ? clamp(abs(x) / (3.0 * sd), 0.12, 1.0) : 1.0;
  if (u_uncertainty == 2 && !nothing(sd) && abs(x) < 2.0 * sd) {
    float line = mod(gl_FragCoord.x + gl_FragCoord.y, 7.0 * u_dot);
    if (line < 2.0 * u_dot) rgb = vec3(0.12);
  }
  colour = vec4(rgb * alpha, alpha);
}`;
