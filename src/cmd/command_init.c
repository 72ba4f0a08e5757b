/* command_init.c - init: a commented configuration to begin with. */
#include "cmd/command.h"
#include "cmd/config_template.h"
#include "cmd/recipes.h"
#include "cmd/registry.h"
#include "config/nearest.h"
#include "config/yaml.h"

#include <stdio.h>

enum { INIT_BYTES_MAX = 1 << 20, INIT_MEMORY_MAX = 8 << 20 };

typedef struct InitOptions {
    bool full, list;
    const char *output;
} InitOptions;

static const OptionRow rows[] = {
    { "full", NULL, OPTION_FLAG, offsetof(InitOptions, full), NULL,
      "also every setting that is not used, as a comment with its default", NULL },
    { "output", "FILE", OPTION_TEXT, offsetof(InitOptions, output), NULL,
      "a file that is not there yet; without it standard output", NULL },
    { "list", NULL, OPTION_FLAG, offsetof(InitOptions, list), NULL, "what there is to begin with",
      NULL },
    { 0 },
};

static const CommandForm form = {
    .name = "init",
    .arguments = "[NAME] [--full] [--output FILE]",
    .summary = "Writes a configuration to begin with, each key with what it means: collector (the "
               "default), backend,\ngateway, and what --list names.",
    .rows = rows,
    .examples = "  cryostorm init --list\n"
                "  cryostorm init > collector.yaml\n"
                "  cryostorm init gateway --output gateway.yaml\n"
                "  cryostorm init backend --full\n",
};

static const Recipe *find_recipe(Str name, Err *err)
{
    Nearest nearest = { .given = name };
    for (const Recipe *recipe = recipes; recipe->name; recipe++) {
        if (str_eq(str_from(recipe->name), name))
            return recipe;
        nearest_try(&nearest, str_from(recipe->name));
    }
    fail(err, ERR_INPUT, "there is no \"%.*s\" to begin with" NEAREST_FORMAT " (--list shows all)",
         STR_ARG(name), NEAREST_ARG(nearest));
    return NULL;
}

static bool render(const Recipe *recipe, bool full, Buf *out, Err *err)
{
    Problems problems;
    Arena *arena = arena_new(INIT_MEMORY_MAX, err);
    if (!arena)
        return false;
    problems_init(&problems, arena);
    const Node *root = yaml_parse(str_from(recipe->yaml), STR("init"), arena, &problems);
    bool good = problems_ok(&problems, err) && root;
    if (good) {
        buf_addf(out,
                 "# %s\n# Made by `cryostorm init %s`; `cryostorm validate --config FILE` "
                 "checks it, `cryostorm explain KEY` says more.\n",
                 recipe->summary, recipe->name);
        config_template(registry, root, full, out);
        good = buf_ok(out, err);
    }
    arena_free(arena);
    return good;
}

static bool save(const char *path, const Buf *text, Err *err)
{
    Disk *disk = disk_system();
    File *file = disk_open(disk, path, DISK_CREATE, err);
    if (!file)
        return blame(err, "%s", path);
    Err later;
    bool good = file_write(file, 0, text->ptr, text->len, err);
    bool closed = file_close(file, good ? err : &later);
    return (good && closed) || blame(err, "%s", path);
}

static int list_recipes(void)
{
    for (const Recipe *recipe = recipes; recipe->name; recipe++)
        printf("%-12s %s\n", recipe->name, recipe->summary);
    return 0;
}

int command_init(int argc, char **argv)
{
    InitOptions options = { 0 };
    OptionWords arguments = { 0 };
    Err err = { 0 };
    int code;
    if (!command_read(&form, argc, argv, &options, &arguments, &code))
        return code;
    if (options.list)
        return list_recipes();
    const Recipe *recipe =
        find_recipe(arguments.count ? str_from(arguments.items[0]) : STR("collector"), &err);
    if (!recipe || arguments.count > 1) {
        if (recipe)
            fail(&err, ERR_INPUT, "one name at a time");
        return command_misused(form.name, &err);
    }
    Buf out = BUF(INIT_BYTES_MAX);
    bool good = render(recipe, options.full, &out, &err);
    if (good && options.output)
        good = save(options.output, &out, &err);
    code = !good            ? command_failed(form.name, &err)
           : options.output ? 0
                            : command_write(form.name, &out, &err);
    buf_free(&out);
    return code;
}
