/* crypto_library.c - finds the functions; see crypto_library.h.
 *
 * The tables are written once and then constant, which is why they may be static.
 */
#include "extensions/crypto_library.h"

#include "base/thread.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef struct Row {
    const char *name;
    size_t offset;
} Row;

static const Row crypto_rows[] = {
#define ROW(function) { #function, offsetof(CryptoLibrary, function) },
    CRYPTO_LIBRARY_FUNCTIONS(ROW)
#undef ROW
};
static const Row crypt_rows[] = { { "crypt_r", offsetof(CryptLibrary, crypt_r) } };

static struct {
    Mutex lock;
    bool crypto_ready, crypt_ready;
    CryptoLibrary crypto;
    CryptLibrary crypt;
} loaded = { .lock = MUTEX_READY };

static bool load(const char *file, const Row *rows, size_t count, void *out, Err *err)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail(err, ERR_UNSUPPORTED, "%s cannot be loaded (%s)", file, dlerror());
    for (size_t i = 0; i < count; i++) {
        void *function = dlsym(library, rows[i].name);
        if (!function) {
            dlclose(library);
            return fail(err, ERR_UNSUPPORTED, "%s has no %s", file, rows[i].name);
        }
        memcpy((char *)out + rows[i].offset, &function, sizeof function);
    }
    return true;
}

const CryptoLibrary *crypto_library(Err *err)
{
    mutex_lock(&loaded.lock);
    if (!loaded.crypto_ready)
        loaded.crypto_ready =
            load("libcrypto.so.3", crypto_rows, COUNT_OF(crypto_rows), &loaded.crypto, err);
    bool ready = loaded.crypto_ready;
    mutex_unlock(&loaded.lock);
    return ready ? &loaded.crypto : NULL;
}

const CryptLibrary *crypt_library(Err *err)
{
    mutex_lock(&loaded.lock);
    if (!loaded.crypt_ready)
        loaded.crypt_ready =
            load("libcrypt.so.1", crypt_rows, COUNT_OF(crypt_rows), &loaded.crypt, err);
    bool ready = loaded.crypt_ready;
    mutex_unlock(&loaded.lock);
    return ready ? &loaded.crypt : NULL;
}
