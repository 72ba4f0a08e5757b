/* config_words.h - --config and --set of the commands that look at a configuration. */
#ifndef CMD_CONFIG_WORDS_H
#define CMD_CONFIG_WORDS_H

#include "cmd/load_config.h"
#include "cmd/option_row.h"

typedef struct ConfigWords {
    OptionWords configs, sets, gates;
} ConfigWords;

/* clang-format off */
/* Rows of a struct T with the member `ConfigWords from`. */
#define CONFIG_WORD_ROWS(T)                                                                        \
    { "config", "SOURCE", OPTION_WORDS, offsetof(T, from.configs), NULL,                           \
      "a file, env:NAME, yaml:TEXT or https://...; several are merged", NULL },                    \
    { "set", "A.B=V", OPTION_WORDS, offsetof(T, from.sets), NULL,                                  \
      "one setting, laid over all of --config", NULL },                                            \
    { "feature-gates", "NAMES", OPTION_WORDS, offsetof(T, from.gates), NULL,                       \
      "accepted as by the public Collector; there are none", NULL }
/* clang-format on */

/* Loads what the words name and tells all problems on standard error. False: *code is the command's
 * exit code. */
CHECKED bool config_words_load(const ConfigWords *words, const char *command, LoadedConfig *out,
                               int *code);

#endif
