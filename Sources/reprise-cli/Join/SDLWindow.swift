internal import CSDL
import Glibc
import Reprise

/// A window of SDL 2, which is loaded for it.
///
/// - Thread: the one that made it.
@safe
final class SDLWindow {
    @safe
    private struct Texture {
        var texture: OpaquePointer
        var width: Int
        var height: Int
    }

    private let sdl: csdl_functions
    private let window: OpaquePointer
    private let renderer: OpaquePointer
    private var textures: [TrackID: Texture] = [:]

    /// - Throws: `CommandError` where the library or a display is missing.
    init(title: String) throws(CommandError) {
        var sdl = csdl_functions()
        if let missing = unsafe csdl_load(&sdl) {
            throw CommandError(
                "--view needs SDL 2, which does not have \(unsafe String(cString: missing)) here.",
                advice: "Install the package libsdl2-2.0-0")
        }
        // Ctrl-C is the command's.
        _ = unsafe sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1")
        // A window is not a reason to keep the screen on or to touch the sound card.
        guard sdl.Init(SDL_INIT_VIDEO) == 0 else { throw Self.failure(sdl, "SDL_Init") }
        let position = Int32(bitPattern: SDL_WINDOWPOS_CENTERED_MASK)
        let flags = SDL_WINDOW_RESIZABLE.rawValue
        guard let window = unsafe sdl.CreateWindow(title, position, position, 960, 540, flags) else {
            throw Self.failure(sdl, "SDL_CreateWindow")
        }
        guard
            let renderer = unsafe sdl.CreateRenderer(window, -1, 0)
                ?? sdl.CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE.rawValue)
        else { throw Self.failure(sdl, "SDL_CreateRenderer") }
        self.sdl = sdl
        unsafe self.window = window
        unsafe self.renderer = renderer
    }

    deinit {
        for texture in textures.values { unsafe sdl.DestroyTexture(texture.texture) }
        unsafe sdl.DestroyRenderer(renderer)
        unsafe sdl.DestroyWindow(window)
        sdl.Quit()
    }

    /// Shows what is on the board until it ends. A window that is closed ends the process's work as Ctrl-C does.
    func show(_ board: PictureBoard) {
        var version = 0
        draw([])
        while !board.isOver {
            if isClosed() { return _ = kill(getpid(), SIGINT) }
            guard let next = board.pictures(after: version) else { continue }
            version = next.version
            draw(next.pictures)
        }
    }

    /// Waits for the window's events for the time that a picture at 60 Hz takes.
    private func isClosed() -> Bool {
        var event = unsafe SDL_Event()
        var has = unsafe sdl.WaitEventTimeout(&event, 16) == 1
        while has {
            if unsafe event.type == SDL_QUIT.rawValue { return true }
            has = unsafe sdl.PollEvent(&event) == 1
        }
        return false
    }

    private func draw(_ pictures: [(track: TrackID, frame: VideoFrame)]) {
        for track in textures.keys where !pictures.contains(where: { $0.track == track }) {
            if let gone = textures.removeValue(forKey: track) { unsafe sdl.DestroyTexture(gone.texture) }
        }
        _ = unsafe sdl.SetRenderDrawColor(renderer, 0, 0, 0, 255)
        _ = unsafe sdl.RenderClear(renderer)
        var (width, height) = (Int32(0), Int32(0))
        _ = unsafe sdl.GetRendererOutputSize(renderer, &width, &height)
        let sizes = pictures.map { (width: $0.frame.width, height: $0.frame.height) }
        let areas = PictureLayout.areas(sizes, width: Int(width), height: Int(height))
        for (picture, area) in zip(pictures, areas) {
            guard let texture = texture(of: picture.track, picture.frame) else { continue }
            var place = SDL_Rect(x: Int32(area.x), y: Int32(area.y), w: Int32(area.width), h: Int32(area.height))
            _ = unsafe sdl.RenderCopy(renderer, texture.texture, nil, &place)
        }
        unsafe sdl.RenderPresent(renderer)
    }

    /// The texture of a track with a picture in it.
    private func texture(of track: TrackID, _ frame: VideoFrame) -> Texture? {
        guard frame.format == .i420, frame.planes.count == 3 else { return nil }
        if let old = textures[track], old.width != frame.width || old.height != frame.height {
            unsafe sdl.DestroyTexture(old.texture)
            textures[track] = nil
        }
        if textures[track] == nil {
            let format = SDL_PIXELFORMAT_IYUV.rawValue
            let access = Int32(bitPattern: SDL_TEXTUREACCESS_STREAMING.rawValue)
            guard
                let made = unsafe sdl.CreateTexture(
                    renderer, format, access, Int32(frame.width), Int32(frame.height))
            else { return nil }
            textures[track] = unsafe Texture(texture: made, width: frame.width, height: frame.height)
        }
        guard let texture = textures[track] else { return nil }
        let planes = unsafe frame.planes.map { unsafe $0.bytes.assumingMemoryBound(to: UInt8.self).baseAddress }
        _ = unsafe sdl.UpdateYUVTexture(
            texture.texture, nil, planes[0], Int32(frame.planes[0].stride), planes[1], Int32(frame.planes[1].stride),
            planes[2], Int32(frame.planes[2].stride))
        return texture
    }

    private static func failure(_ sdl: csdl_functions, _ call: String) -> CommandError {
        let reason = unsafe sdl.GetError().map { unsafe String(cString: $0) } ?? "no reason given"
        sdl.Quit()
        return CommandError(
            "No window can be opened: \(call): \(reason).",
            advice: "Is $DISPLAY or $WAYLAND_DISPLAY set? Leave --view out")
    }
}
