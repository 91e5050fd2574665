-- SPDX-License-Identifier: MIT
-- The one record of each of 500 categories, in no order.
local n = 0

request = function()
	n = (n * 1103515245 + 12345) % 2147483648
	return wrk.format("GET", "/v1/categories/one" .. 1 + n % 500 .. "/records")
end
