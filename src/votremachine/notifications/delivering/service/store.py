"""The queue of deliveries."""

from votremachine.notifications.delivering.models import deliveries
from votremachine.notifications.delivering.rules import DeliveryState
from votremachine.notifications.leasing import Queue

DUE = Queue(deliveries, DeliveryState.WAITING)
