/* command_schema.c - schema: the JSON Schema of the configuration file. */
#include "cmd/command.h"
#include "cmd/component_page.h"
#include "cmd/registry.h"

static const OptionRow rows[] = { { 0 } };

static const CommandForm form = {
    .name = "schema",
    .arguments = "",
    .summary = "Writes the JSON Schema (draft 2020-12) of the whole configuration file. Editors "
               "with a YAML language\nserver then complete keys, show what they mean and mark "
               "mistakes: put this line on top of the file.\n\n"
               "  # yaml-language-server: $schema=cryostorm.schema.json",
    .rows = rows,
    .examples = "  cryostorm schema > cryostorm.schema.json\n",
};

int command_schema(int argc, char **argv)
{
    OptionWords arguments = { 0 };
    Err err = { 0 };
    int code;
    if (!command_read(&form, argc, argv, &(char){ 0 }, &arguments, &code) ||
        !command_no_arguments(&form, &arguments, &code))
        return code;
    Buf out = BUF(COMPONENT_PAGE_MAX);
    JsonWriter json = json_writer(&out);
    component_schema(registry, &json);
    buf_add_byte(&out, '\n');
    code = json_done(&json, &err) ? command_write(form.name, &out, &err)
                                  : command_failed(form.name, &err);
    buf_free(&out);
    return code;
}
