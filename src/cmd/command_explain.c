/* command_explain.c - explain: what one setting means. */
#include "cmd/command.h"
#include "cmd/component_page.h"
#include "cmd/registry.h"

static const OptionRow rows[] = { { 0 } };

static const CommandForm form = {
    .name = "explain",
    .arguments = "PATH...",
    .summary = "Says what a setting means: its type, default and range, what is in it, and an "
               "example. The path\nbegins with a component, its section in front where several "
               "have the name, or with service.",
    .rows = rows,
    .examples = "  cryostorm explain otlp.protocols.grpc.keepalive\n"
                "  cryostorm explain receivers.otlp\n"
                "  cryostorm explain exporters.otlp.sending_queue batch.timeout\n"
                "  cryostorm explain service.telemetry.logs.encoding\n",
};

int command_explain(int argc, char **argv)
{
    OptionWords paths = { 0 };
    Err err = { 0 };
    int code;
    if (!command_read(&form, argc, argv, &(char){ 0 }, &paths, &code))
        return code;
    if (!paths.count) {
        fail(&err, ERR_INPUT, "which setting? For instance cryostorm explain otlp.protocols.grpc");
        return command_misused(form.name, &err);
    }
    Buf out = BUF(COMPONENT_PAGE_MAX);
    bool good = true;
    for (size_t i = 0; good && i < paths.count; i++) {
        if (i)
            buf_add_byte(&out, '\n');
        good = component_explain(registry, str_from(paths.items[i]), &out, &err);
    }
    code = good ? command_write(form.name, &out, &err) : command_failed(form.name, &err);
    buf_free(&out);
    return code;
}
