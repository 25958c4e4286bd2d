# ActionCable without the rest of Rails, which lets in http://chat.example and its own host: puma cable.ru
require "logger"
require "action_cable"

ActionCable.server.config.logger = Logger.new($stdout)
ActionCable.server.config.cable = { "adapter" => "async" }
ActionCable.server.config.connection_class = -> { ActionCable::Connection::Base }
ActionCable.server.config.allow_same_origin_as_host = true
ActionCable.server.config.allowed_request_origins = ["http://chat.example"]
run ActionCable.server
