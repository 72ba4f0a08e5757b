/* log_record.h - the level of log records, inside the library. */
#ifndef SDK_LOG_RECORD_H
#define SDK_LOG_RECORD_H

#include <cryostorm/log.h>

enum { LOGS_OFF = 255 };

/* LOGGING__LEVEL as a severity number: DEBUG, INFO, WARNING, ERROR, CRITICAL. */
unsigned char log_level_severity(const char *level);

#endif
