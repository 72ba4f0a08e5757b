/* command_graph.c - graph: the pipelines of a configuration, drawn. */
#include "cmd/command.h"
#include "cmd/config_graph.h"
#include "cmd/config_words.h"

typedef struct GraphCommand {
    ConfigWords from;
    bool svg;
} GraphCommand;

static const OptionRow rows[] = {
    CONFIG_WORD_ROWS(GraphCommand),
    { "svg", NULL, OPTION_FLAG, offsetof(GraphCommand, svg), NULL, "an SVG picture instead of text",
      NULL },
    { 0 },
};

static const CommandForm form = {
    .name = "graph",
    .arguments = "[--config SOURCE]... [--svg]",
    .summary = "Draws the pipelines of a configuration: what data comes from, what it passes "
               "through and where it goes.",
    .rows = rows,
    .examples = "  cryostorm graph --config collector.yaml\n"
                "  cryostorm graph --config collector.yaml --svg > pipelines.svg\n",
};

int command_graph(int argc, char **argv)
{
    GraphCommand options = { 0 };
    OptionWords arguments = { 0 };
    LoadedConfig config;
    Err err = { 0 };
    int code;
    if (!command_read(&form, argc, argv, &options, &arguments, &code) ||
        !command_no_arguments(&form, &arguments, &code) ||
        !config_words_load(&options.from, form.name, &config, &code))
        return code;
    Buf out = BUF(CONFIG_GRAPH_MAX);
    if (options.svg)
        config_graph_svg(config.service, &out);
    else
        config_graph_text(config.service, &out);
    code =
        buf_ok(&out, &err) ? command_write(form.name, &out, &err) : command_failed(form.name, &err);
    buf_free(&out);
    loaded_config_free(&config);
    return code;
}
