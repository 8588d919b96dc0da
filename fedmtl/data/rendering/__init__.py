"""A small ray caster for furnished rooms: draw a scene, look at it, read its labels off."""

from fedmtl.data.rendering.camera import Camera
from fedmtl.data.rendering.labels import OBJECTS
from fedmtl.data.rendering.sampling import sample
from fedmtl.data.rendering.scene import CLASSES, ROOM_TYPES, Scene
from fedmtl.data.rendering.style import Style
from fedmtl.data.rendering.view import View, look

__all__ = ["CLASSES", "OBJECTS", "ROOM_TYPES", "Camera", "Scene", "Style", "View", "look", "sample"]
