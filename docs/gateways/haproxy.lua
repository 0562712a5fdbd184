-- Asks Tokenward about a request. The only argument is the address of the question: its scopes and organization are a matter
-- of the configuration.

local IDENTITY = {
    "x-token-id", "x-token-user", "x-token-user-id", "x-token-scopes", "x-token-organization", "x-token-expires-at",
}

local function refuse(txn, status, challenge)
    local reply = txn:reply({ status = status })
    if challenge then
        reply:add_header("WWW-Authenticate", challenge)
    end
    txn:done(reply)
end

core.register_action("tokenward", { "http-req" }, function(txn, url)
    local sent = txn.http:req_get_headers()
    local question = {
        ["x-forwarded-method"] = { txn.sf:method() },
        ["x-forwarded-uri"] = { txn.sf:pathq() },
        ["x-forwarded-for"] = { txn.sf:src() },
    }
    -- Without one of its own, HAProxy would name itself.
    question["user-agent"] = { "" }
    for _, name in ipairs({ "authorization", "user-agent" }) do
        if sent[name] then
            local values = {}
            for _, value in pairs(sent[name]) do
                table.insert(values, value)
            end
            question[name] = values
        end
    end
    -- HAProxy 2.6 tries four times, so that this is ten seconds at the most.
    local answer = core.httpclient():get({ url = url, headers = question, timeout = 2500 })
    local status, headers = answer and answer.status or 0, answer and answer.headers or {}
    if status == 401 or status == 403 then
        return refuse(txn, status, headers["www-authenticate"] and headers["www-authenticate"][0])
    elseif status ~= 200 then
        -- Without an answer, the request is refused.
        return refuse(txn, 503)
    end
    for _, name in ipairs(IDENTITY) do
        txn.http:req_set_header(name, headers[name] and headers[name][0] or "")
    end
end, 1)
