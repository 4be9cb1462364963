"""Recognition of faces: verification of pairs, identification of probes, and both of unseen identities in a test."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.recognition.identification import Identified, identify
    from callbacks.recognition.recognise import Recognition, recognise
    from callbacks.recognition.unseen_recognition import UnseenRecognition
    from callbacks.recognition.verification import Verified, verify

__all__ = ["Identified", "Recognition", "UnseenRecognition", "Verified", "identify", "recognise", "verify"]

export_lazily(__name__)
