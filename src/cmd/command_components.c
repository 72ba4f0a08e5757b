/* command_components.c - components: what this program is made of. */
#include "cmd/command.h"
#include "cmd/component_page.h"
#include "cmd/registry.h"

typedef struct ComponentsOptions {
    bool json;
} ComponentsOptions;

static const OptionRow rows[] = {
    { "json", NULL, OPTION_FLAG, offsetof(ComponentsOptions, json), NULL,
      "all of them, with the JSON Schema of their settings", NULL },
    { 0 },
};

static const CommandForm form = {
    .name = "components",
    .arguments = "[NAME] [--json]",
    .summary = "Lists the receivers, processors, exporters and extensions of this program with "
               "their stability and\nsignals; with a name everything about those of that name, "
               "every setting included.",
    .rows = rows,
    .examples = "  cryostorm components\n"
                "  cryostorm components otlp\n"
                "  cryostorm components --json\n",
};

static bool render(const ComponentsOptions *options, const OptionWords *arguments, Buf *out,
                   Err *err)
{
    if (options->json) {
        JsonWriter json = json_writer(out);
        component_list_json(registry, &json);
        buf_add_byte(out, '\n');
        return json_done(&json, err);
    }
    if (arguments->count)
        return component_page(registry, str_from(arguments->items[0]), out, err);
    component_list(registry, out);
    return buf_ok(out, err);
}

int command_components(int argc, char **argv)
{
    ComponentsOptions options = { 0 };
    OptionWords arguments = { 0 };
    Err err = { 0 };
    int code;
    if (!command_read(&form, argc, argv, &options, &arguments, &code))
        return code;
    if (arguments.count > 1) {
        fail(&err, ERR_INPUT, "one name at a time");
        return command_misused(form.name, &err);
    }
    Buf out = BUF(COMPONENT_PAGE_MAX);
    bool good = render(&options, &arguments, &out, &err);
    code = good ? command_write(form.name, &out, &err) : command_failed(form.name, &err);
    buf_free(&out);
    return code;
}
