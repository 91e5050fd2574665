/* SPDX-License-Identifier: MIT */
/* The steps of journals; keys are drawn in journal_redis.c. */
#include "store/meta_redis_lua.h"

/* job: the fields of its record, which is there and not of a newer format.
 * keep: both of its keys live as long again. */
#define LUA_JOB \
	"local FORMAT = '1'\n" \
	"local FIELDS = {'format', 'token', 'lease', 'cancelled', 'ended', 'ttl'}\n" \
	"local function now_ms()\n" \
	"  local t = call('TIME')\n" \
	"  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)\n" \
	"end\n" \
	"local function job(id)\n" \
	"  local key = M .. 'job:' .. id\n" \
	"  local f = call('HMGET', key, unpack(FIELDS))\n" \
	"  if not f[1] then fail('none') end\n" \
	"  if f[1] ~= FORMAT then fail('newer-job', f[1]) end\n" \
	"  local j = {key = key, items = M .. 'items:' .. id}\n" \
	"  for i = 2, 6 do j[FIELDS[i]] = number(f[i], key) end\n" \
	"  return j\n" \
	"end\n" \
	"local function mine(id, token)\n" \
	"  local j = job(id)\n" \
	"  if text(j.token) ~= token or j.ended ~= 0 then fail('fenced') end\n" \
	"  return j\n" \
	"end\n" \
	"local function keep(w, id, j)\n" \
	"  w[#w + 1] = {'EXPIRE', j.key, text(j.ttl)}\n" \
	"  w[#w + 1] = {'EXPIRE', j.items, text(j.ttl)}\n" \
	"  w[#w + 1] = {'ZADD', M .. 'jobs', text(now() + j.ttl), id}\n" \
	"  apply(w)\n" \
	"end\n"

/* ARGV: id, description, ttl. */
const char sk_lua_job_create[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local key = M .. 'job:' .. ARGV[1]\n"
	"  if call('EXISTS', key) == 1 then fail('exists') end\n"
	"  local w = {{'HSET', key, 'format', FORMAT, 'token', '0', 'lease', '0',\n"
	"    'cancelled', '0', 'ended', '0', 'ttl', ARGV[3],\n"
	"    'description', ARGV[2]}}\n"
	"  for _, id in ipairs(call('ZRANGEBYSCORE', M .. 'jobs', '-inf',\n"
	"      text(now() - 1), 'LIMIT', '0', '64')) do\n"
	"    w[#w + 1] = {'ZREM', M .. 'jobs', id}\n"
	"  end\n"
	"  keep(w, ARGV[1], {key = key, items = M .. 'items:' .. ARGV[1],\n"
	"    ttl = tonumber(ARGV[3])})\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: id.  Then: token, ms of the lease, cancelled, ended, description,
 * progress, outcome. */
const char sk_lua_job_look[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = job(ARGV[1])\n"
	"  local t = call('HMGET', j.key, 'description', 'progress', 'outcome')\n"
	"  return {'ok', text(j.token), text(math.max(0, j.lease - now_ms())),\n"
	"    text(j.cancelled), text(j.ended), t[1] or '', t[2] or '', t[3] or ''}\n"
	SK_LUA_END;

/* ARGV: id, ms of the lease.  Then: the token. */
const char sk_lua_job_claim[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = job(ARGV[1])\n"
	"  local left = j.lease - now_ms()\n"
	"  if j.ended ~= 0 then fail('ended') end\n"
	"  if left > 0 then fail('held', text(left)) end\n"
	"  local token = add(j.token, 1)\n"
	"  keep({{'HSET', j.key, 'token', token, 'lease',\n"
	"    text(now_ms() + tonumber(ARGV[2]))}}, ARGV[1], j)\n"
	"  return {'ok', token}\n"
	SK_LUA_END;

/* ARGV: id, token, ms of the lease, progress.  Then: cancelled. */
const char sk_lua_job_renew[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = mine(ARGV[1], ARGV[2])\n"
	"  local lease = ARGV[3] == '0' and 0 or now_ms() + tonumber(ARGV[3])\n"
	"  keep({{'HSET', j.key, 'lease', text(lease), 'progress', ARGV[4]}},\n"
	"    ARGV[1], j)\n"
	"  return {'ok', text(j.cancelled)}\n"
	SK_LUA_END;

/* ARGV: id, token, item, bytes. */
const char sk_lua_job_put[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = mine(ARGV[1], ARGV[2])\n"
	"  if call('HEXISTS', j.items, ARGV[3]) == 1 then fail('exists') end\n"
	"  keep({{'HSET', j.items, ARGV[3], ARGV[4]}}, ARGV[1], j)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: id, token, outcome. */
const char sk_lua_job_end[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = mine(ARGV[1], ARGV[2])\n"
	"  keep({{'HSET', j.key, 'outcome', ARGV[3], 'ended', '1', 'lease', '0'}},\n"
	"    ARGV[1], j)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: id. */
const char sk_lua_job_cancel[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = job(ARGV[1])\n"
	"  keep({{'HSET', j.key, 'cancelled', '1'}}, ARGV[1], j)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: id, item.  Then: its bytes. */
const char sk_lua_job_get[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local v = call('HGET', job(ARGV[1]).items, ARGV[2])\n"
	"  if not v then fail('no-item') end\n"
	"  return {'ok', v}\n"
	SK_LUA_END;

/* Names, of which there may be more than a reply may have elements: one text,
 * with blanks between them.  ARGV: id. */
const char sk_lua_job_items[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  return {'ok', table.concat(call('HKEYS', job(ARGV[1]).items), ' ')}\n"
	SK_LUA_END;

/* Those that are not forgotten. */
const char sk_lua_job_list[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  return {'ok', table.concat(call('ZRANGEBYSCORE', M .. 'jobs',\n"
	"    text(now()), '+inf'), ' ')}\n"
	SK_LUA_END;

/* ARGV: id. */
const char sk_lua_job_remove[] = SK_LUA_BASE LUA_JOB SK_LUA_MAIN
	"  local j = job(ARGV[1])\n"
	"  apply({{'ZREM', M .. 'jobs', ARGV[1]}, {'UNLINK', j.key},\n"
	"    {'UNLINK', j.items}})\n"
	"  return {'ok'}\n"
	SK_LUA_END;
