/* SPDX-License-Identifier: MIT */
/* The steps about a cluster and its functions, and the list of all. */
#include "store/meta_redis.h"

#include "store/journal.h"
#include "store/meta_redis_lua.h"

/* ---- the cluster ---- */

#define TRACES "{'name', 'names', 'named', 'aborted', 'expiry', 'dead',\n" \
	"  'function', 'shard', 'destroyed'}"

/* ARGV: format, uuid, shards, level, draw, address ... */
static const char create[] = SK_LUA_BASE SK_LUA_MAIN
	"  local key = M .. 'cluster'\n"
	"  if call('EXISTS', key) == 1 then fail('exists') end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then fail('lost', M .. k) end\n"
	"  end\n"
	"  local w = {{'HSET', key, 'format', ARGV[1], 'uuid', ARGV[2],\n"
	"    'shards', ARGV[3], 'level', ARGV[4], 'draw', ARGV[5],\n"
	"    'next', '1'}}\n"
	"  for i = 6, #ARGV do\n"
	"    w[#w + 1] = {'HSET', M .. 'shard', text(i - 6), ARGV[i]}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: what the keys of shards begin with, how many shards there can be. */
static const char cluster[] = SK_LUA_BASE SK_LUA_MAIN
	"  local c = call('HMGET', M .. 'cluster', 'format', 'uuid', 'shards',\n"
	"    'level', 'draw', 'next')\n"
	"  for i = 1, 6 do if c[i] then\n"
	"    if not c[1] then fail('damaged', M .. 'cluster') end\n"
	"    for k = 1, 6 do c[k] = c[k] or '' end\n"
	"    return {'ok', unpack(c)}\n"
	"  end end\n"
	"  if call('EXISTS', M .. 'cluster') == 1 then\n"
	"    fail('damaged', M .. 'cluster')\n"
	"  end\n"
	"  if call('EXISTS', M .. 'destroyed') == 1 then\n"
	"    fail('lost', M .. 'destroyed')\n"
	"  end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then fail('lost', M .. k) end\n"
	"  end\n"
	"  for i = 0, tonumber(ARGV[2]) - 1 do\n"
	"    local k = ARGV[1] .. text(i) .. ':stamp'\n"
	"    if call('EXISTS', k) == 1 then fail('lost', k) end\n"
	"  end\n"
	"  fail('none')\n"
	SK_LUA_END;

static const char shards[] = SK_LUA_BASE SK_LUA_MAIN
	"  return {'ok', unpack(call('HGETALL', M .. 'shard'))}\n"
	SK_LUA_END;

/* ARGV: level or 0, how many there are, address ... */
static const char grow[] = SK_LUA_BASE SK_LUA_MAIN
	"  local key = M .. 'cluster'\n"
	"  local c = call('HMGET', key, 'shards', 'level')\n"
	"  local n, level = number(c[1], key), number(c[2], key)\n"
	"  if ARGV[1] ~= '0' then level = tonumber(ARGV[1]) end\n"
	"  local total = n + #ARGV - 2\n"
	"  if total > 1024 or level > total then\n"
	"    fail('many', text(total), text(level))\n"
	"  end\n"
	"  local have = call('HGETALL', M .. 'shard')\n"
	"  local w = {}\n"
	"  for i = 3, #ARGV do\n"
	"    for k = 2, #have, 2 do\n"
	"      if have[k] == ARGV[i] then fail('exists', ARGV[i]) end\n"
	"    end\n"
	"    w[#w + 1] = {'HSET', M .. 'shard', text(n + i - 3), ARGV[i]}\n"
	"  end\n"
	"  if #w > 0 and ARGV[2] ~= text(n) then fail('moved', text(n)) end\n"
	"  w[#w + 1] = {'HSET', key, 'shards', text(total), 'level', text(level)}\n"
	"  apply(w)\n"
	"  return {'ok', text(n)}\n"
	SK_LUA_END;

/* ARGV: write id or nothing.  A write, for WAIT to wait for. */
static const char settle[] = SK_LUA_BASE SK_LUA_WRITE SK_LUA_MAIN
	"  if ARGV[1] ~= '' and not owner(ARGV[1]) then fail('lost') end\n"
	"  apply({{'HSET', M .. 'cluster', 'settled', text(now())}})\n"
	"  return {'ok'}\n"
	SK_LUA_END;

static const char destroy[] = SK_LUA_BASE SK_LUA_MAIN
	"  if call('EXISTS', M .. 'cluster') == 1 then\n"
	"    apply({{'RENAME', M .. 'cluster', M .. 'destroyed'}})\n"
	"    return {'ok'}\n"
	"  end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then return {'ok'} end\n"
	"  end\n"
	"  fail('none')\n"
	SK_LUA_END;

/* ---- functions ---- */

#define STRING(n) #n
#define STRING_OF(n) STRING(n)
#define FUNCTION_FORMAT STRING_OF(SK_FUNCTION_FORMAT)

/* plugin: of a packed function. */
#define LUA_FUNCTION \
	"local F = M .. 'function'\n" \
	"local function functions()\n" \
	"  local f, t = call('HGETALL', F), {}\n" \
	"  for i = 1, #f, 2 do t[f[i]] = f[i + 1] end\n" \
	"  return t\n" \
	"end\n" \
	"local function plugin(r, name)\n" \
	"  local f, n = string.byte(r), string.byte(r, 10)\n" \
	"  if not n or #r < 13 + n or f == 0 then fail('damaged', F) end\n" \
	"  if f > " FUNCTION_FORMAT " then fail('newer', name, text(f)) end\n" \
	"  return string.sub(r, 11, 10 + n)\n" \
	"end\n"

/* ARGV: plugin, {name, packed, of any generation} ...  Then, "1": changed. */
static const char function_put[] = SK_LUA_BASE LUA_FUNCTION SK_LUA_MAIN
	"  local have, keep, w = functions(), {}, {}\n"
	"  for i = 2, #ARGV, 2 do keep[ARGV[i]] = true end\n"
	"  for i = 2, #ARGV, 2 do\n"
	"    local r, new = have[ARGV[i]], ARGV[i + 1]\n"
	"    if r then plugin(r, ARGV[i]) end\n"
	"    if not r or string.byte(r) ~= string.byte(new) or\n"
	"        string.sub(r, 10) ~= string.sub(new, 10) then\n"
	"      local g = r and struct.unpack('<I8', r, 2) + 1 or 1\n"
	"      w[#w + 1] = {'HSET', F, ARGV[i], string.sub(new, 1, 1) ..\n"
	"        struct.pack('<I8', g) .. string.sub(new, 10)}\n"
	"    end\n"
	"  end\n"
	"  for name, r in pairs(have) do\n"
	"    if plugin(r, name) == ARGV[1] and not keep[name] then\n"
	"      w[#w + 1] = {'HDEL', F, name}\n"
	"    end\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', #w > 0 and '1' or '0'}\n"
	SK_LUA_END;

static const char function_get[] = SK_LUA_BASE SK_LUA_MAIN
	"  local r = call('HGET', M .. 'function', ARGV[1])\n"
	"  if not r then fail('none') end\n"
	"  return {'ok', r}\n"
	SK_LUA_END;

/* ARGV: the last name seen.  Some names beyond it, in order of their bytes
 * (Lua's < goes by the server's locale), and their records. */
static const char function_list[] = SK_LUA_BASE LUA_FUNCTION SK_LUA_MAIN
	"  local function less(a, b)\n"
	"    for i = 1, math.min(#a, #b) do\n"
	"      local x, y = string.byte(a, i), string.byte(b, i)\n"
	"      if x ~= y then return x < y end\n"
	"    end\n"
	"    return #a < #b\n"
	"  end\n"
	"  local have, names, out = functions(), {}, {'ok'}\n"
	"  for name in pairs(have) do\n"
	"    if less(ARGV[1], name) then names[#names + 1] = name end\n"
	"  end\n"
	"  table.sort(names, less)\n"
	"  for i = 1, math.min(#names, 512) do\n"
	"    out[2 * i] = names[i]\n"
	"    out[2 * i + 1] = have[names[i]]\n"
	"  end\n"
	"  return out\n"
	SK_LUA_END;

static const char function_remove[] = SK_LUA_BASE LUA_FUNCTION SK_LUA_MAIN
	"  local have, w = functions(), {}\n"
	"  for name, r in pairs(have) do\n"
	"    if plugin(r, name) == ARGV[1] then w[#w + 1] = {'HDEL', F, name} end\n"
	"  end\n"
	"  if #w == 0 and not have[ARGV[1]] then fail('none') end\n"
	"  if #w == 0 then w[1] = {'HDEL', F, ARGV[1]} end\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

const struct sk_rmeta_script sk_rmeta_script[STEP_COUNT] = {
	[STEP_CREATE] = { STEP_CHANGES, "create", create, 0 },
	[STEP_CLUSTER] = { STEP_READS, "cluster", cluster, 0 },
	[STEP_SHARDS] = { STEP_READS, "shards", shards, 0 },
	[STEP_GROW] = { STEP_CHANGES, "grow", grow, 0 },
	[STEP_SETTLE] = { STEP_REPEATS, "settle", settle, 0 },
	[STEP_DESTROY] = { STEP_REPEATS, "destroy", destroy, 0 },
	[STEP_MAKE] = { STEP_REPEATS, "make", sk_lua_make, 0 },
	[STEP_GET] = { STEP_READS, "get", sk_lua_get, 0 },
	[STEP_LIST] = { STEP_READS, "list", sk_lua_list, 0 },
	[STEP_REMOVE] = { STEP_CHANGES, "remove", sk_lua_remove, 0 },
	[STEP_PURGE] = { STEP_REPEATS, "purge", sk_lua_purge, 0 },
	[STEP_SNAPSHOT] = { STEP_READS, "snapshot", sk_lua_snapshot, 0 },
	[STEP_REQUEST] = { STEP_READS, "request", sk_lua_request, 0 },
	[STEP_COMMIT] = { STEP_CHANGES, "commit", sk_lua_commit, 0 },
	[STEP_FOLD] = { STEP_CHANGES, "fold", sk_lua_fold, 0 },
	[STEP_NAMED] = { STEP_READS, "named", sk_lua_named, 0 },
	[STEP_ABORT] = { STEP_REPEATS, "abort", sk_lua_abort, 0 },
	[STEP_FORGET] = { STEP_REPEATS, "forget", sk_lua_forget, 0 },
	[STEP_EXPIRE] = { STEP_REPEATS, "expire", sk_lua_expire, 0 },
	[STEP_FUNCTION_PUT] = { STEP_CHANGES, "function_put", function_put, 0 },
	[STEP_FUNCTION_GET] = { STEP_READS, "function_get", function_get, 0 },
	[STEP_FUNCTION_LIST] = { STEP_READS, "function_list", function_list, 0 },
	[STEP_FUNCTION_REMOVE] = { STEP_CHANGES, "function_remove",
	    function_remove, 0 },
	[STEP_JOB_CREATE] = { STEP_CHANGES, "job-create", sk_lua_job_create, 0 },
	[STEP_JOB_LOOK] = { STEP_READS, "job-look", sk_lua_job_look, 0 },
	[STEP_JOB_CLAIM] = { STEP_CHANGES, "job-claim", sk_lua_job_claim, 0 },
	[STEP_JOB_RENEW] = { STEP_REPEATS, "job-renew", sk_lua_job_renew, 0 },
	[STEP_JOB_PUT] = { STEP_CHANGES, "job-put", sk_lua_job_put, 0 },
	[STEP_JOB_END] = { STEP_CHANGES, "job-end", sk_lua_job_end, 0 },
	[STEP_JOB_CANCEL] = { STEP_REPEATS, "job-cancel", sk_lua_job_cancel, 0 },
	[STEP_JOB_GET] = { STEP_READS, "job-get", sk_lua_job_get,
	    SK_JOURNAL_ITEM_MAX + 4096 },
	[STEP_JOB_ITEMS] = { STEP_READS, "job-items", sk_lua_job_items, 0 },
	[STEP_JOB_LIST] = { STEP_READS, "job-list", sk_lua_job_list, 0 },
	[STEP_JOB_REMOVE] = { STEP_CHANGES, "job-remove", sk_lua_job_remove, 0 },
};
