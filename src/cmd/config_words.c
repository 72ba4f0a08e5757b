/* config_words.c - --config and --set of the commands that look; see config_words.h. */
#include "cmd/config_words.h"

#include "cmd/command.h"

bool config_words_load(const ConfigWords *words, const char *command, LoadedConfig *out, int *code)
{
    Err err = { 0 };
    Options options = { .command = COMMAND_LOOK, .feature_gates = words->gates.count > 0 };
    *code = 2;
    if (words->configs.count > CONFIGS_MAX) {
        fail(&err, ERR_INPUT, "more than %d times --config", CONFIGS_MAX);
        return command_misused(command, &err) == 0;
    }
    for (size_t i = 0; i < words->configs.count; i++)
        if (!words->configs.items[i][0]) {
            fail(&err, ERR_INPUT, "--config needs a file");
            return command_misused(command, &err) == 0;
        }
    for (; options.config_count < words->configs.count; options.config_count++)
        options.configs[options.config_count] = words->configs.items[options.config_count];
    for (; options.set_count < words->sets.count; options.set_count++)
        options.sets[options.set_count] = words->sets.items[options.set_count];
    if (loaded_config_read(&options, out, &err))
        return true;
    *code = 1;
    if (err.kind == ERR_MEMORY)
        command_failed(command, &err);
    return false;
}
