/* run_service.h - the service, from start to signal to drained. */
#ifndef CMD_RUN_SERVICE_H
#define CMD_RUN_SERVICE_H

#include "cmd/load_config.h"

/* Runs until SIGTERM or SIGINT, then drains. SIGHUP, or a component that asks for it, reads the
 * configuration again by the same options. Takes the configuration over. The exit code: 0, or 1
 * when it could not start. */
int run_service(const Options *options, LoadedConfig *config);

#endif
