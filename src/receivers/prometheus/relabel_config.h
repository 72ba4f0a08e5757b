/* relabel_config.h - relabel_configs and metric_relabel_configs, as rows, and the rules they make.
 */
#ifndef RECEIVERS_PROMETHEUS_RELABEL_CONFIG_H
#define RECEIVERS_PROMETHEUS_RELABEL_CONFIG_H

#include "config/field.h"
#include "regex/relabel.h"

typedef struct RelabelConfig {
    TextList source_labels;
    Str separator, regex, target_label, replacement;
    uint64_t modulus;
    int action;
} RelabelConfig;

typedef struct RelabelConfigList {
    RelabelConfig *items;
    size_t count;
} RelabelConfigList;

extern const ConfigField relabel_config_fields[];

/* Borrows the list's texts. NULL: err says which rule is wrong. */
CHECKED Relabel *relabel_from_config(const RelabelConfigList *list, Err *err);
CHECKED bool relabel_config_check(const RelabelConfigList *list, const char *key, Err *err);

#endif
