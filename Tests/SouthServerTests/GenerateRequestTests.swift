import Foundation
import SouthServer
import Testing

@Suite struct GenerateRequestTests {
    private func read(_ json: String) throws -> (request: GenerateRequest, ignored: [String]) {
        try GenerateRequest.read(Data(json.utf8), limits: ServerLimits())
    }

    @Test func readsTheReferencesKeys() throws {
        let (request, ignored) = try read(
            """
            {"prompt": "a horse", "max_tgt_len": 246, "top_p": 0.01, "temperature": 1.0,
             "stops_id": [[835]], "max_num_imgs": 1, "guidance_scale_for_img": 7.5,
             "num_inference_steps_for_img": 50, "height": 320, "width": 576, "num_frames": 24,
             "audio_length_in_s": 9, "modalities": ["text", "image"], "seed": 13,
             "load_sd": true, "ENCOUNTERS": 1}
            """)
        #expect(request.prompt == "a horse")
        #expect(request.maxTgtLen == 246)
        #expect(request.topP == 0.01)
        #expect(request.stopsId == [[835]])
        #expect(request.guidanceScaleForImg == 7.5)
        #expect(request.numFrames == 24)
        #expect(request.modalities == [.text, .image])
        #expect(request.seed == 13)
        #expect(ignored == ["ENCOUNTERS", "load_sd", "max_num_imgs", "stops_id"])
    }

    @Test(arguments: [
        (#"{"prompt": "a", "max_tgt_length": 3}"#, 400, "'max_tgt_length' is not known; known "),
        (#"{"max_tgt_len": 3}"#, 400, "'prompt' is missing."),
        (#"{"prompt": ""}"#, 400, "'prompt' is empty, and no media are named."),
        (#"{"prompt": 3}"#, 400, "'prompt' cannot be read: "), ("[", 400, "'the request' cannot"),
        (#"{"prompt": "a", "num_frames": 65}"#, 413, "'num_frames' is 65, at most 64 allowed."),
        (#"{"prompt": "a", "height": 2048, "width": 2048}"#, 413, "'height × width' is 4194304"),
        (#"{"prompt": "a", "height": -1}"#, 400, "'height' is -1, expected 0 or more."),
        (#"{"prompt": "a", "audio_length_in_s": 31}"#, 400, "'audio_length_in_s' is 31.0, "),
        (#"{"prompt": "a", "modalities": ["smell"]}"#, 400, "'modalities.Index 0' cannot"),
    ])
    func refusesWhatItCannotDo(_ json: String, _ status: Int, _ beginning: String) {
        let error = #expect(throws: ServerError.self) { try read(json) }
        #expect(error?.status == status)
        #expect(error?.description.hasPrefix(beginning) == true, "\(error?.description ?? "")")
    }

    @Test func refusesALongRequestBeforeReadingIt() {
        var limits = ServerLimits()
        limits.requestBytes = 1000
        let long = Data(repeating: 0x20, count: limits.requestBytes + 1)
        #expect(throws: ServerError.self) { try GenerateRequest.read(long, limits: limits) }
    }
}
