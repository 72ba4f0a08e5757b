/* config_files.h - the files and directories that a configuration names: can they be used? */
#ifndef CMD_CONFIG_FILES_H
#define CMD_CONFIG_FILES_H

#include "base/disk.h"
#include "pipe/service_config.h"

/* Of the components that are started: what is read must be there and readable, what is written must
 * be possible, certificates, keys, cipher suites and curves must be what TLS can use. Notes errors
 * at the values' places, and a warning for a certificate that has ended. Nothing is written. */
void config_check_files(const ServiceConfig *config, Disk *disk, int64_t now_wall_ns,
                        Problems *problems);

#endif
