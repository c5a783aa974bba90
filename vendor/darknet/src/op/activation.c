/* activation.c — names and scalar formulas of the activations. */
#include <math.h>
#include <string.h>

#include "op/activation.h"

/* In the order of dn_activation. */
static const char *const names[DN_ACTIVATIONS] = {
    "linear",
    "logistic",
    "loggy",
    "relu",
    "relu6",
    "elu",
    "selu",
    "gelu",
    "relie",
    "ramp",
    "tanh",
    "plse",
    "leaky",
    "stair",
    "hardtan",
    "lhtan",
    "swish",
    "mish",
    "hard_mish",
    "revleaky",
    "normalize_channels",
    "normalize_channels_softmax",
    "normalize_channels_softmax_maxval",
};

bool dn_activation_find(const char *name, dn_activation *out) {
    for (int i = 0; i < DN_ACTIVATIONS; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (dn_activation)i;
            return true;
        }
    }
    return false;
}

const char *dn_activation_name(dn_activation kind) { return names[kind]; }

bool dn_activation_across_channels(dn_activation kind) {
    return kind == DN_NORMALIZE_CHANNELS || kind == DN_NORMALIZE_CHANNELS_SOFTMAX ||
           kind == DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL;
}

static float logistic(float x) { return 1.0F / (1.0F + expf(-x)); }

/* Comparisons are such that not-a-number stays one. */
static float clamp(float x, float low, float high) {
    if (x < low) return low;
    return x > high ? high : x;
}

static float relu(float x) { return x < 0.0F ? 0.0F : x; }

static float slope_below_zero(float x, float slope) { return x > 0.0F ? x : slope * x; }

/* The constants of Klambauer et al. 2017, cut to the digits that darknet uses. */
static float selu(float x) { return x >= 0.0F ? 1.0507F * x : 1.0507F * 1.6732F * (expf(x) - 1.0F); }

/* x · Φ(x) by its tanh approximation: sqrt(2/π) and 0.044715 · sqrt(2/π). */
static float gelu(float x) { return 0.5F * x * (1.0F + tanhf(0.797885F * x + 0.035677F * x * x * x)); }

/* A three-piece line through (-4, 0) and (4, 1). */
static float plse(float x) {
    if (x < -4.0F) return 0.01F * (x + 4.0F);
    if (x > 4.0F) return 0.01F * (x - 4.0F) + 1.0F;
    return 0.125F * x + 0.5F;
}

/* Flat between even and odd integers, slope 1 between odd and even ones. */
static float stair(float x) {
    const float whole = floorf(x), half = floorf(x / 2.0F);
    return whole - 2.0F * floorf(whole / 2.0F) == 0.0F ? half : x - whole + half;
}

static float lhtan(float x) {
    if (x < 0.0F) return 0.001F * x;
    if (x > 1.0F) return 0.001F * (x - 1.0F) + 1.0F;
    return x;
}

/* x · tanh(softplus(x)); beyond ±20 softplus is x or e^x to the last bit. */
static float mish(float x) {
    float softplus = x;
    if (x < -20.0F) {
        softplus = expf(x);
    } else if (x <= 20.0F) {
        softplus = log1pf(expf(x));
    }
    return x * tanhf(softplus);
}

static float hard_mish(float x) {
    if (x > 0.0F) return x;
    return x <= -2.0F ? 0.0F : x * x / 2.0F + x;
}

float dn_activate(dn_activation kind, float x) {
    switch (kind) {
    case DN_LOGISTIC:
        return logistic(x);
    case DN_LOGGY:
        return 2.0F / (1.0F + expf(-x)) - 1.0F;
    case DN_RELU:
        return relu(x);
    case DN_RELU6:
        return clamp(x, 0.0F, 6.0F);
    case DN_ELU:
        return x >= 0.0F ? x : expf(x) - 1.0F;
    case DN_SELU:
        return selu(x);
    case DN_GELU:
        return gelu(x);
    case DN_RELIE:
        return slope_below_zero(x, 0.01F);
    case DN_RAMP:
        return relu(x) + 0.1F * x;
    case DN_TANH:
        return tanhf(x);
    case DN_PLSE:
        return plse(x);
    case DN_LEAKY:
        return slope_below_zero(x, 0.1F);
    case DN_STAIR:
        return stair(x);
    case DN_HARDTAN:
        return clamp(x, -1.0F, 1.0F);
    case DN_LHTAN:
        return lhtan(x);
    case DN_SWISH:
        return x * logistic(x);
    case DN_MISH:
        return mish(x);
    case DN_HARD_MISH:
        return hard_mish(x);
    case DN_REVLEAKY:
        return slope_below_zero(x, 0.1F);
    case DN_LINEAR:
    case DN_NORMALIZE_CHANNELS:
    case DN_NORMALIZE_CHANNELS_SOFTMAX:
    case DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL:
    case DN_ACTIVATIONS:
        break;
    }
    return x;
}

/* ---- derivatives ---- */

static float between(float value, float low, float high, float inside, float outside) {
    return value > low && value < high ? inside : outside;
}

static float selu_slope(float y) { return y >= 0.0F ? 1.0507F : y + 1.0507F * 1.6732F; }

static float gelu_slope(float x) {
    const float inner = 0.797885F * x + 0.035677F * x * x * x, t = tanhf(inner);
    return 0.5F * (1.0F + t) + 0.5F * x * (1.0F - t * t) * (0.797885F + 0.107031F * x * x);
}

static float swish_slope(float x, float y) { return y + logistic(x) * (1.0F - y); }

/* tanh(s) + x · (1 − tanh²(s)) · s', s = softplus(x), s' its logistic. */
static float mish_slope(float x) {
    float softplus = x;
    if (x < -20.0F) {
        softplus = expf(x);
    } else if (x <= 20.0F) {
        softplus = log1pf(expf(x));
    }
    const float t = tanhf(softplus);
    return t + x * (1.0F - t * t) * logistic(x);
}

static float hard_mish_slope(float x) {
    if (x > 0.0F) return 1.0F;
    return x > -2.0F ? x + 1.0F : 0.0F;
}

float dn_activation_slope(dn_activation kind, float x, float y) {
    switch (kind) {
    case DN_LOGISTIC:
        return (1.0F - y) * y;
    case DN_LOGGY:
        return 0.5F * (1.0F - y) * (1.0F + y);
    case DN_RELU:
        return y > 0.0F ? 1.0F : 0.0F;
    case DN_RELU6:
        return between(y, 0.0F, 6.0F, 1.0F, 0.0F);
    case DN_ELU:
        return y >= 0.0F ? 1.0F : y + 1.0F;
    case DN_SELU:
        return selu_slope(y);
    case DN_GELU:
        return gelu_slope(x);
    case DN_RELIE:
        return y > 0.0F ? 1.0F : 0.01F;
    case DN_RAMP:
        return y > 0.0F ? 1.1F : 0.1F;
    case DN_TANH:
        return 1.0F - y * y;
    case DN_PLSE:
        return y < 0.0F || y > 1.0F ? 0.01F : 0.125F;
    case DN_LEAKY:
    case DN_REVLEAKY:
        return y > 0.0F ? 1.0F : 0.1F;
    case DN_STAIR:
        return floorf(y) == y ? 0.0F : 1.0F;
    case DN_HARDTAN:
        return between(y, -1.0F, 1.0F, 1.0F, 0.0F);
    case DN_LHTAN:
        return between(y, 0.0F, 1.0F, 1.0F, 0.001F);
    case DN_SWISH:
        return swish_slope(x, y);
    case DN_MISH:
        return mish_slope(x);
    case DN_HARD_MISH:
        return hard_mish_slope(x);
    case DN_LINEAR:
    case DN_NORMALIZE_CHANNELS:
    case DN_NORMALIZE_CHANNELS_SOFTMAX:
    case DN_NORMALIZE_CHANNELS_SOFTMAX_MAXVAL:
    case DN_ACTIVATIONS:
        break;
    }
    return 1.0F;
}
