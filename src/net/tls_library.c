/* tls_library.c - finds OpenSSL's functions; see tls_library_internal.h.
 *
 * The table is written once and then constant, which is why it may be a static. It is never
 * unloaded, and OpenSSL is told not to clean up at exit: threads of ours may still use it then.
 */
#include "net/tls_library_internal.h"

#include "base/thread.h"
#include "net/tls_session_internal.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const char file_name[] = "libssl.so.3";

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
#define ROW(function) { #function, offsetof(TlsLibrary, function) },
    TLS_LIBRARY_FUNCTIONS(ROW)
#undef ROW
};

static struct {
    Mutex lock;
    bool ready;
    TlsLibrary table;
} loaded = { .lock = MUTEX_READY };

static bool find_all(TlsLibrary *out, void *library, Err *err)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *function = dlsym(library, rows[i].name); /* also looks into libcrypto */
        if (!function)
            return fail(err, ERR_UNSUPPORTED, "TLS: %s has no %s: OpenSSL 3.0 or later is needed",
                        file_name, rows[i].name);
        memcpy((char *)out + rows[i].offset, &function, sizeof function);
    }
    return true;
}

static bool load(TlsLibrary *out, Err *err)
{
    void *library = dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail(err, ERR_UNSUPPORTED, "TLS needs OpenSSL 3, and %s cannot be loaded (%s)",
                    file_name, dlerror());
    if (!find_all(out, library, err)) {
        dlclose(library);
        return false;
    }
    if (!out->OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL))
        return fail(err, ERR_UNSUPPORTED, "TLS: OpenSSL cannot be initialised");
    return tls_session_make_bio(out, err);
}

const TlsLibrary *tls_library(Err *err)
{
    mutex_lock(&loaded.lock);
    if (!loaded.ready)
        loaded.ready = load(&loaded.table, err);
    bool ready = loaded.ready;
    mutex_unlock(&loaded.lock);
    return ready ? &loaded.table : NULL;
}
