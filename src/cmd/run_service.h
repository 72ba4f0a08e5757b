/* run_service.h - the service, from start to signal to drained. */
#ifndef CMD_RUN_SERVICE_H
#define CMD_RUN_SERVICE_H

#include "pipe/service_config.h"

/* Runs until SIGTERM or SIGINT, then drains. The exit code: 0, or 1 when it could not start. */
int run_service(const ServiceConfig *config);

#endif
