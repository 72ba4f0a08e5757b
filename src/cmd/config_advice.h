/* config_advice.h - what is no error and yet hardly meant.
 *
 *     two listeners on one port                 4317 where HTTP is spoken, 4318 where gRPC is
 *     plain text to a port of TLS, or with      TLS to a port of this machine that usually has
 * none; credentials; tls that has no effect       an endpoint with /v1/traces at its end twice
 *     memory_limiter that is not the first      batch in front of a sampler
 *
 * It reads the same tables as everything else: what listens is a row with OPENS_SOCKET, what
 * connects has a row with tls_connect_fields. Only the order of processors goes by names.
 */
#ifndef CMD_CONFIG_ADVICE_H
#define CMD_CONFIG_ADVICE_H

#include "pipe/service_config.h"

/* Notes warnings. root: the tree that config was loaded from. */
void config_advise(const ServiceConfig *config, const Node *root, Problems *problems);

/* Notes errors: names of components with a separator, a control or a symbol of all Unicode's, as
 * the public Collector refuses them. False: there was one. */
CHECKED bool config_check_names(const ServiceConfig *config, Problems *problems);

#endif
