/* The functions of the command table in ntspool.c. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/cli.h"

int cmd_metrics(struct cli *cli, int argc, char **argv);
int cmd_report(struct cli *cli, int argc, char **argv);
int cmd_stats(struct cli *cli, int argc, char **argv);
int cmd_restore(struct cli *cli, int argc, char **argv);
int cmd_init(struct cli *cli, int argc, char **argv);
int cmd_cookie_show(struct cli *cli, int argc, char **argv);
int cmd_cookie_set(struct cli *cli, int argc, char **argv);
int cmd_cookie_stage(struct cli *cli, int argc, char **argv);
int cmd_cookie_roll(struct cli *cli, int argc, char **argv);
int cmd_key_list(struct cli *cli, int argc, char **argv);
int cmd_key_ds(struct cli *cli, int argc, char **argv);
int cmd_key_roll(struct cli *cli, int argc, char **argv);
int cmd_key_abort(struct cli *cli, int argc, char **argv);
int cmd_key_ds_seen(struct cli *cli, int argc, char **argv);
int cmd_key_trust_clock(struct cli *cli, int argc, char **argv);
int cmd_key_insecure(struct cli *cli, int argc, char **argv);
int cmd_key_secure(struct cli *cli, int argc, char **argv);
int cmd_key_import(struct cli *cli, int argc, char **argv);
int cmd_key_export(struct cli *cli, int argc, char **argv);
int cmd_key_identity(struct cli *cli, int argc, char **argv);
int cmd_key_lead(struct cli *cli, int argc, char **argv);
int cmd_key_without(struct cli *cli, int argc, char **argv);
int cmd_key_request(struct cli *cli, int argc, char **argv);
int cmd_key_sign_request(struct cli *cli, int argc, char **argv);
int cmd_key_import_bundle(struct cli *cli, int argc, char **argv);
int cmd_key_offline(struct cli *cli, int argc, char **argv);
int cmd_key_online(struct cli *cli, int argc, char **argv);
int cmd_key_rotate_seal(struct cli *cli, int argc, char **argv);
int cmd_member_add(struct cli *cli, int argc, char **argv);
int cmd_member_admit(struct cli *cli, int argc, char **argv);
int cmd_member_apply(struct cli *cli, int argc, char **argv);
int cmd_member_list(struct cli *cli, int argc, char **argv);
int cmd_member_show(struct cli *cli, int argc, char **argv);
int cmd_member_welcome(struct cli *cli, int argc, char **argv);
int cmd_member_set(struct cli *cli, int argc, char **argv);
int cmd_member_suspend(struct cli *cli, int argc, char **argv);
int cmd_member_resume(struct cli *cli, int argc, char **argv);
int cmd_member_override(struct cli *cli, int argc, char **argv);
int cmd_member_remove(struct cli *cli, int argc, char **argv);
int cmd_member_expire(struct cli *cli, int argc, char **argv);
int cmd_member_restore(struct cli *cli, int argc, char **argv);
/* `member list --removed`. */
int member_list_removed(struct cli *cli);
int cmd_member_import(struct cli *cli, int argc, char **argv);
int cmd_member_export(struct cli *cli, int argc, char **argv);
int cmd_record_load(struct cli *cli, int argc, char **argv);
int cmd_record_list(struct cli *cli, int argc, char **argv);
int cmd_record_remove(struct cli *cli, int argc, char **argv);
int cmd_zone_show(struct cli *cli, int argc, char **argv);
int cmd_zone_unset(struct cli *cli, int argc, char **argv);
int cmd_zone_set(struct cli *cli, int argc, char **argv);
int cmd_zone_ns_list(struct cli *cli, int argc, char **argv);
int cmd_zone_ns_add(struct cli *cli, int argc, char **argv);
int cmd_zone_ns_set(struct cli *cli, int argc, char **argv);
int cmd_zone_ns_remove(struct cli *cli, int argc, char **argv);
int cmd_zone_ns_seen(struct cli *cli, int argc, char **argv);
int cmd_zone_export(struct cli *cli, int argc, char **argv);
int cmd_vantage_list(struct cli *cli, int argc, char **argv);
int cmd_vantage_add(struct cli *cli, int argc, char **argv);
int cmd_vantage_remove(struct cli *cli, int argc, char **argv);
int cmd_vantage_key(struct cli *cli, int argc, char **argv);
int cmd_health_release(struct cli *cli, int argc, char **argv);
int cmd_health_forget(struct cli *cli, int argc, char **argv);
int cmd_history(struct cli *cli, int argc, char **argv);
int cmd_log(struct cli *cli, int argc, char **argv);
int cmd_notices(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_fleet_create(struct cli *cli, int argc, char **argv);
int cmd_fleet_token(struct cli *cli, int argc, char **argv);
int cmd_fleet_join(struct cli *cli, int argc, char **argv);
int cmd_fleet_accept(struct cli *cli, int argc, char **argv);
int cmd_fleet_nodes(struct cli *cli, int argc, char **argv);
int cmd_fleet_leave(struct cli *cli, int argc, char **argv);
int cmd_fleet_evict(struct cli *cli, int argc, char **argv);
int cmd_fleet_status(struct cli *cli, int argc, char **argv);
int cmd_fleet_edges(struct cli *cli, int argc, char **argv);
int cmd_backup(struct cli *cli, int argc, char **argv);
int cmd_explain(struct cli *cli, int argc, char **argv);
int cmd_share(struct cli *cli, int argc, char **argv);
int cmd_check(struct cli *cli, int argc, char **argv);
int cmd_probe(struct cli *cli, int argc, char **argv);

#endif
