/* watched_file.c - see watched_file.h. */
#include "extensions/watched_file.h"

#include "extensions/credential.h"

static const int64_t look_ns = NANOS_PER_SECOND;

typedef enum Found { SAME, TAKEN, UNUSABLE } Found;

static Found look(WatchedFile *file, Err *err)
{
    Buf fresh = BUF(WATCHED_FILE_MAX);
    if (!disk_read_all(host_disk(file->host), file->path, &fresh, err)) {
        secret_wipe(&fresh);
        blame(err, "%s", file->key); /* the path is in it */
        Found found = file->missing ? SAME : UNUSABLE;
        file->missing = true;
        return found;
    }
    file->missing = false;
    if (file->read && str_eq(buf_str(&fresh), buf_str(&file->content))) {
        secret_wipe(&fresh);
        return SAME;
    }
    secret_wipe(&file->content);
    file->content = fresh;
    file->read = true;
    if (file->take(file->owner, buf_str(&file->content), err))
        return TAKEN;
    blame(err, "%s %s", file->key, file->path);
    return UNUSABLE;
}

static void set_timer(WatchedFile *file)
{
    Loop *loop = host_loop(file->host);
    timer_set(loop, &file->timer, loop_now(loop) + look_ns);
}

static void timer_fires(void *owner)
{
    WatchedFile *file = owner;
    Err err = { 0 };
    Found found = look(file, &err);
    if (found == TAKEN)
        host_log(file->host, LOG_INFO, "%s %s was read again", file->key, file->path);
    if (found == UNUSABLE)
        host_log(file->host, LOG_ERROR, "%s; what was read before stays in force", err.text);
    set_timer(file);
}

bool watched_file_open(WatchedFile *file, Host *host, bool may_miss, Err *err)
{
    file->host = host;
    file->timer = (Timer){ .fire = timer_fires, .owner = file };
    if (look(file, err) != TAKEN) {
        if (!may_miss)
            return false;
        host_log(host, LOG_WARN, "%s; it is looked for until it is there", err->text);
    }
    set_timer(file);
    return true;
}

void watched_file_close(WatchedFile *file)
{
    if (!file->host)
        return;
    timer_cancel(host_loop(file->host), &file->timer);
    secret_wipe(&file->content);
    file->host = NULL;
}
