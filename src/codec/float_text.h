/* float_text.h - doubles as Prometheus and its clients print them, which is how Go does.
 *
 * The digits are the fewest that read back as the same number, and of those the nearest; the forms
 * differ in when an exponent is written:
 *
 *     FLOAT_FIXED     never                    0.0000001  20000000   le and quantile of OTLP
 *     FLOAT_GENERAL   below 1e-4, from 1e+06   1e-07      2e+07      Prometheus' text format
 *     FLOAT_ANSWER    below 1e-6, from 1e+21   1e-07      20000000   Prometheus' HTTP API
 *     FLOAT_METRICS   GENERAL, with ".0" where there is neither point nor exponent: OpenMetrics
 *
 * "NaN", "+Inf", "-Inf", and "-0" where the form has no more to say. In any locale.
 */
#ifndef CODEC_FLOAT_TEXT_H
#define CODEC_FLOAT_TEXT_H

#include "base/buf.h"

typedef enum FloatForm { FLOAT_FIXED, FLOAT_GENERAL, FLOAT_ANSWER, FLOAT_METRICS } FloatForm;

enum { FLOAT_TEXT_SIZE = 352 }; /* FLOAT_FIXED of the smallest and the largest double */

/* No zero byte; gives the length. */
size_t float_text(double value, FloatForm form, char out[FLOAT_TEXT_SIZE]);

void buf_add_float(Buf *buf, double value, FloatForm form);

#endif
