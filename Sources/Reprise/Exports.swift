@_exported public import Calls
@_exported public import Codecs
@_exported public import Media
@_exported public import Rooms
@_exported public import Scopes
@_exported public import WebRTC
