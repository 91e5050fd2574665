-- SPDX-License-Identifier: MIT
-- For wrk: POST the file that BODY names, as JSON lines.
wrk.method = "POST"
local f = io.open(os.getenv("BODY"), "rb")
wrk.body = f:read("a")
f:close()
