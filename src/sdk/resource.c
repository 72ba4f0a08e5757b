/* resource.c - the process's attributes; see resource.h. */
#include "sdk/resource.h"

#include "base/arena.h"
#include "model/semconv.h"
#include "otlp/encode.h"
#include "sdk/attribute_encode.h"

#include <cryostorm/version.h>

#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { OWN_ATTRIBUTES = 16, RESOURCE_BYTES_MAX = 4 << 20 };

/* Last one wins, by key. */
static void put(Resource *resource, const char *key, CryoValue value)
{
    CryoString name = cryo_str(key);
    size_t i = 0;
    while (i < resource->count &&
           !str_eq((Str){ resource->attributes[i].key.ptr, resource->attributes[i].key.len },
                   (Str){ name.ptr, name.len }))
        i++;
    resource->attributes[i] = (CryoAttr){ name, value };
    if (i == resource->count)
        resource->count++;
}

static void put_text(Resource *resource, Arena *arena, const char *key, const char *text)
{
    Err ignored; /* one attribute less is no reason to do without telemetry */
    Str copy;
    if (text && *text && arena_copy(arena, str_from(text), &copy, &ignored))
        put(resource, key, cryo_string((CryoString){ copy.ptr, copy.len }));
}

static void put_machine(Resource *resource, Arena *arena)
{
    struct utsname machine;
    if (uname(&machine) == 0) {
        put_text(resource, arena, ATTR_HOST_NAME, machine.nodename);
        bool x86 = strcmp(machine.machine, "x86_64") == 0;
        bool arm = strcmp(machine.machine, "aarch64") == 0;
        put_text(resource, arena, ATTR_HOST_ARCH, x86 ? "amd64" : arm ? "arm64" : machine.machine);
    }
    put_text(resource, arena, ATTR_OS_TYPE, "linux");
    put(resource, ATTR_PROCESS_PID, cryo_integer(getpid()));
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len > 0) {
        path[len] = '\0';
        const char *slash = strrchr(path, '/');
        put_text(resource, arena, ATTR_PROCESS_EXECUTABLE, slash ? slash + 1 : path);
    }
}

/* A random UUID, version 4. */
static void put_instance(Resource *resource, Arena *arena)
{
    uint8_t id[16];
    Random random;
    random_seed_from_system(&random);
    random_fill(&random, id, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0F) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3F) | 0x80);
    char text[37];
    for (size_t i = 0, at = 0; i < sizeof id; i++, at += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        hex_write(text + at, id + i, 1);
    }
    text[36] = '\0';
    put_text(resource, arena, ATTR_SERVICE_INSTANCE_ID, text);
}

static void put_service(Resource *resource, Arena *arena, const CryoServiceSettings *service)
{
    put_text(resource, arena, ATTR_SERVICE_NAME, service->name);
    put_text(resource, arena, ATTR_SERVICE_VERSION, service->version);
    put_text(resource, arena, ATTR_DEPLOYMENT_ENVIRONMENT, service->environment);
    put_text(resource, arena, "deployment.environment", service->environment);
    put_text(resource, arena, ATTR_SDK_NAME, "cryostorm");
    put_text(resource, arena, ATTR_SDK_LANGUAGE, "c");
    put_text(resource, arena, ATTR_SDK_VERSION, CRYO_VERSION);
}

static bool resource_encode(Resource *resource, Arena *arena, Err *err)
{
    Buf out = BUF(RESOURCE_BYTES_MAX);
    TextScratch scratch = TEXT_SCRATCH;
    for (size_t i = 0; i < resource->count; i++)
        attribute_encode(&out, RESOURCE_ATTRIBUTES, &resource->attributes[i], &scratch);
    bool done = buf_ok(&scratch.repaired, err) && buf_ok(&scratch.piece, err) &&
                buf_ok(&out, err) && arena_copy(arena, buf_str(&out), &resource->encoded, err);
    text_scratch_free(&scratch);
    buf_free(&out);
    return done;
}

bool resource_make(const CryoSettings *settings, Arena *arena, Resource *out, Err *err)
{
    CryoAttrs more = settings->service.additional_attributes;
    *out = (Resource){ .attributes = ARENA_MAKE(arena, CryoAttr, OWN_ATTRIBUTES + more.count, err),
                       .schema_url = str_from(settings->schema_url) };
    if (!out->attributes)
        return blame(err, "resource");
    put_machine(out, arena);
    put_instance(out, arena);
    put_service(out, arena, &settings->service);
    for (size_t i = 0; i < more.count; i++)
        put(out, more.ptr[i].key.ptr, more.ptr[i].value);
    return resource_encode(out, arena, err) || blame(err, "resource");
}
