/* remote_write_outcome.h - what a remote-write server's answer means for the samples.
 *
 * As the specification has it: 2xx is success; 5xx and 429 are tried again, not before Retry-After;
 * every other answer is final. No answer at all is tried again. A server that knows 2.0 says how
 * many samples it has written; a success without that is from one that took the request for an
 * empty one of 1.0, and is a refusal.
 */
#ifndef EXPORTERS_PROMETHEUSREMOTEWRITE_REMOTE_WRITE_OUTCOME_H
#define EXPORTERS_PROMETHEUSREMOTEWRITE_REMOTE_WRITE_OUTCOME_H

#include "net/http_client.h"
#include "pipe/ack.h"
#include "prom/remote_write.h"

/* err as in the client's done(). */
AckOutcome remote_write_outcome(const HttpResponse *response, const Err *err,
                                RemoteWriteVersion version, int64_t wall_now_ns);

#endif
