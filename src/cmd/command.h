/* command.h - the commands that are programs of their own: send, gen, query, doctor.
 *
 * Each gets the words behind its name and gives the exit code: 0 it went well, 1 it did not, 2 the
 * words are wrong.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "cmd/option_row.h"

typedef struct CommandEntry {
    const char *name;
    const char *summary; /* for `cryostorm --help` */
    int (*run)(int argc, char **argv);
} CommandEntry;

const CommandEntry *command_at(size_t index); /* NULL: there are no more */
/* NULL: it is none of these. */
const CommandEntry *command_find(const char *word);

int command_doctor(int argc, char **argv);
int command_gen(int argc, char **argv);
int command_query(int argc, char **argv);
int command_send(int argc, char **argv);

/* Reads the words. False: the command ends with *code, help or error are printed. */
bool command_read(const CommandForm *form, int argc, char **argv, void *into,
                  OptionWords *arguments, int *code);

int command_failed(const char *name, const Err *err);  /* prints it; 1 */
int command_misused(const char *name, const Err *err); /* likewise; 2 */

#endif
