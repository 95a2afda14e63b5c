import SouthGPT
import Testing

@Suite struct ChatTemplateTests {
    private let turns = [
        ChatTemplate.Turn(.human, "Hi"), ChatTemplate.Turn(.assistant, "Hello!"),
        ChatTemplate.Turn(.human, "How are you?"),
    ]

    private func written(_ template: ChatTemplate, system: String? = nil) -> String {
        template.prompt(turns, system: system).map {
            switch $0 {
            case .text(let text): text
            case .token(let token): token
            }
        }.joined()
    }

    @Test func writesAsFastChatDoes() {
        let human =
            "A chat between a curious human and an artificial intelligence assistant. The "
            + "assistant gives helpful, detailed, and polite answers to the human's questions."
        let user =
            "A chat between a curious user and an artificial intelligence assistant. The "
            + "assistant gives helpful, detailed, and polite answers to the user's questions."
        #expect(
            written(.vicunaV0) == human
                + "###Human: Hi###Assistant: Hello!###Human: How are you?###Assistant:")
        #expect(
            written(.vicunaZeroShot) == human + "\n### Human: Hi\n### Assistant: Hello!\n### "
                + "Human: How are you?\n### Assistant:")
        #expect(
            written(.vicunaV11) == user
                + " USER: Hi ASSISTANT: Hello!</s>USER: How are you? ASSISTANT:")
    }

    @Test func writesAsTheOtherFamiliesDo() {
        #expect(
            written(.human)
                == "### Human: Hi\n### Assistant: Hello!\n### Human: How are you?\n### Assistant:")
        #expect(
            written(.llama2, system: "S")
                == "[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST] Hello! </s><s>"
                + "[INST] How are you? [/INST]")
        #expect(
            written(.llama3)
                == "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nHow are you?<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n")
        #expect(
            written(.chatML, system: "S")
                == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                + "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nHow are you?<|im_end|>\n"
                + "<|im_start|>assistant\n")
        #expect(written(.raw) == "HiHello!How are you?")
    }
}
