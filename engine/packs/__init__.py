"""Policy packs: their processes, what they are asked, what their answers mean."""
