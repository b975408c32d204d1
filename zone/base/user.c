#include "zone/base/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void user_bound_capabilities(void)
{
    for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
}

bool user_hand_over(const char *path, const char *directory)
{
    struct stat owner;
    return geteuid() != 0 || (stat(directory, &owner) == 0 &&
                              (owner.st_uid == 0 || lchown(path, owner.st_uid, owner.st_gid) == 0));
}

bool user_hand_over_fd(int fd, int at, const char *directory)
{
    struct stat owner;
    return geteuid() != 0 || (fstatat(at, directory, &owner, 0) == 0 &&
                              (owner.st_uid == 0 || fchown(fd, owner.st_uid, owner.st_gid) == 0));
}

enum result user_become(const char *user, struct diag *diag)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        return diag_fail(diag, RESULT_REFUSED, "there is no user %s: give another to --user", user);
    }
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (getuid() == uid && geteuid() == uid) {
        return RESULT_OK;
    }
    user_bound_capabilities();
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0) {
        return diag_fail(diag, RESULT_REFUSED, "can't become the user %s: %s: start as root", user,
                         strerror(errno));
    }
    return RESULT_OK;
}
