/* console_text.h - spans, metrics and log records as lines for people.
 *
 *     GET /basket  SERVER  12.345 ms  ERROR: out of stock
 *       2026-11-21T03:24:17.123456789Z  trace 0af7..319c  span b7ad6b7169203331  parent 00f0..02b7
 *       basket.id = "b-17"
 *       event +0.120 ms  authenticated  user.id = 42
 *       link  trace ...  span ...
 *
 *     app_request_latency_seconds  HISTOGRAM  s  since the start
 *       2026-11-21T03:24:17.123456789Z
 *       count 3  sum 0.6  min 0.1  max 0.4  http.route = "/basket"
 *         <= 0.1  1
 *         <= 0.5  2
 *
 *     2026-11-21T03:24:17.123456789Z  WARN  out of stock  basket.id = "b-17"  trace ...  span ...
 *
 * What telemetry says cannot steer the terminal.
 */
#ifndef SDK_CONSOLE_TEXT_H
#define SDK_CONSOLE_TEXT_H

#include "base/buf.h"
#include "model/signal.h"

#include <cryostorm/exporter.h>

void console_span(Buf *out, const CryoSpanView *span);
void console_metric(Buf *out, const CryoMetricView *metric);
void console_log(Buf *out, const CryoLogView *log);

#endif
